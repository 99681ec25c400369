//! The macros that keep a type, its reader and its schema in one place.

/// Writes `snake_case` as `camelCase` at compile time; the length comes second.
pub(crate) const fn camel_case(name: &str) -> ([u8; 64], usize) {
    let (bytes, mut out, mut length) = (name.as_bytes(), [0; 64], 0);
    // A raw identifier (`r#type`) is spelled without its mark.
    let mut at = if bytes.len() > 2 && bytes[1] == b'#' { 2 } else { 0 };
    while at < bytes.len() {
        if bytes[at] == b'_' {
            at += 1;
            out[length] = bytes[at].to_ascii_uppercase();
        } else {
            out[length] = bytes[at];
        }
        length += 1;
        at += 1;
    }
    (out, length)
}

/// The wire name of a field, as a `&'static str` constant.
macro_rules! wire_name {
    ($field:ident) => {
        const {
            const NAME: ([u8; 64], usize) = crate::macros::camel_case(stringify!($field));
            match std::str::from_utf8(NAME.0.split_at(NAME.1).0) {
                Ok(name) => name,
                Err(_) => panic!("field names are ASCII"),
            }
        }
    };
}

/// A struct that is read from a request body: fields in camel case, unknown keys refused. What
/// one field says about another is looked at by the function after `checked by`.
macro_rules! request {
    ($(
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])* pub $field:ident: $type:ty,)*
        }
        $(checked by $check:path;)?
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        impl crate::read::FromJson for $name {
            fn from_json(json: crate::json::Json<'_>) -> Result<Self, crate::error::WireError> {
                let mut fields = crate::read::Fields::open(json, &[$(wire_name!($field)),*])?;
                let read = Self { $($field: fields.take(wire_name!($field))?,)* };
                $($check(&read)?;)?
                Ok(read)
            }

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::read::reference::<Self>()
            }

            fn components(out: &mut Vec<crate::read::Component>) {
                crate::read::add_component::<Self>(out);
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let mut object = utoipa::openapi::ObjectBuilder::new()
                    .description(Some(concat!($($doc, "\n"),*).trim()))
                    .additional_properties(Some(
                        utoipa::openapi::schema::AdditionalProperties::<utoipa::openapi::Schema>::
                            FreeForm(false),
                    ));
                $(
                    let schema = crate::schema::described(
                        <$type as crate::read::FromJson>::schema(),
                        concat!($($field_doc, "\n"),*).trim(),
                    );
                    object = object.property(wire_name!($field), schema);
                    if <$type as crate::read::FromJson>::absent().is_none() {
                        object = object.required(wire_name!($field));
                    }
                )*
                object.into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schemas(out: &mut Vec<crate::read::Component>) {
                $(<$type as crate::read::FromJson>::components(out);)*
            }
        }
    )*};
}

/// A request body that is one of several shapes, told apart by its `type`.
macro_rules! union_request {
    ($(#[doc = $doc:literal])* pub enum $name:ident {
        $($(#[doc = $variant_doc:literal])* $variant:ident($type:ty) = $tag:literal,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant($type),)*
        }

        impl crate::read::FromJson for $name {
            fn from_json(json: crate::json::Json<'_>) -> Result<Self, crate::error::WireError> {
                match crate::read::tag(&json, &[$($tag),*])? {
                    $($tag => <$type>::from_json(json).map(Self::$variant),)*
                    _ => Err(crate::read::unknown_value("", &[$($tag),*])),
                }
            }

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::read::reference::<Self>()
            }

            fn components(out: &mut Vec<crate::read::Component>) {
                crate::read::add_component::<Self>(out);
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::schema::OneOfBuilder::new()
                    .description(Some(concat!($($doc, "\n"),*).trim()))
                    $(.item(<$type as crate::read::FromJson>::schema()))*
                    .discriminator(Some(utoipa::openapi::Discriminator::with_mapping(
                        "type",
                        [$(($tag, format!("#/components/schemas/{}", stringify!($type)))),*],
                    )))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schemas(out: &mut Vec<crate::read::Component>) {
                $(<$type as crate::read::FromJson>::components(out);)*
            }
        }
    };
}

/// An enum with fixed spellings, for bodies, queries and responses alike.
macro_rules! wire_enum {
    ($(
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $($(#[doc = $variant_doc:literal])* $variant:ident = $text:literal,)*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The spelling on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl crate::read::WireEnum for $name {
            const TEXTS: &'static [&'static str] = &[$($text,)*];

            fn find(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl crate::read::FromJson for $name {
            fn from_json(json: crate::json::Json<'_>) -> Result<Self, crate::error::WireError> {
                crate::read::read_enum(&json)
            }

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::read::reference::<Self>()
            }

            fn components(out: &mut Vec<crate::read::Component>) {
                crate::read::add_component::<Self>(out);
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::schema::enumeration(
                    <Self as crate::read::WireEnum>::TEXTS,
                    concat!($($doc, "\n",)* $("\n- `", $text, "`:", $($variant_doc,)*)*).trim(),
                )
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

/// A struct that is written into a response. The fields of the first part are always there,
/// with `null` for `None`; those under `optional` are left out instead.
macro_rules! response {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
        }
        $(optional {
            $($(#[$optional_meta:meta])* pub $optional:ident: $optional_type:ty,)*
        })?
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$field_meta])* #[schema(required = true)] pub $field: $type,)*
            $($(
                $(#[$optional_meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                #[schema(nullable = false)]
                pub $optional: Option<$optional_type>,
            )*)?
        }
    )*};
}

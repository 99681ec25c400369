//! How typed values take themselves out of a JSON tree.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Schema, Type};

use crate::error::{ErrorCode, ItemError, WireError};
use crate::json::{ITEMS_MAX, Json, too_many_items, with_place};

/// A named schema, as the `components` of an `OpenAPI` document list them.
pub type Component = (String, RefOr<Schema>);

/// A value that a request body can carry.
///
/// The three ways in which a field may be left out are types: `T` and [`Nullable`] are required,
/// `Option<T>` may be absent but not `null`, and [`Field`] may be both.
pub trait FromJson: Sized {
    /// Takes the value, refusing everything that the contract does not name.
    ///
    /// # Errors
    /// The first fault, with its pointer relative to this value.
    fn from_json(json: Json<'_>) -> Result<Self, WireError>;

    /// The value where its key is not there; `None` where the key is required.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// Its schema, or a reference to it.
    fn schema() -> RefOr<Schema>;

    /// Adds the named schemas that [`FromJson::schema`] refers to.
    fn components(_out: &mut Vec<Component>) {}
}

/// A reference to the schema of a named type.
pub(crate) fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

/// Adds the schema of a named type, and of all that it refers to.
pub(crate) fn add_component<T: ToSchema>(out: &mut Vec<Component>) {
    out.push((T::name().into_owned(), T::schema()));
    T::schemas(out);
}

/// The refusal of a value of the wrong JSON type.
pub(crate) fn wrong_type(expected: &str, found: &Json<'_>) -> WireError {
    let hint = if *found == Json::Null { "; leave the key out instead" } else { "" };
    WireError::here(
        ErrorCode::InvalidType,
        format!("must be {expected}, but is {}{hint}", found.kind()),
    )
}

/// A field of a partial update: left out, set to `null`, or given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// The key is not there: keep what is.
    #[default]
    Absent,
    /// The key is `null`: clear it.
    Null,
    /// The key has a value: replace by it.
    Value(T),
}

impl<T> Field<T> {
    /// The value, where there is one; on creation, absent and `null` are the same.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The change: `None` keeps, `Some(None)` clears, `Some(Some(value))` replaces.
    pub fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }

    /// The same field with its value converted.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => Field::Value(convert(value)),
        }
    }

    /// A view of it.
    pub const fn as_ref(&self) -> Field<&T> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => Field::Value(value),
        }
    }

    /// Whether the key is not there.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// A field whose key is required and whose value may be `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nullable<T>(pub Option<T>);

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        T::from_json(json).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}

fn nullable_schema<T: FromJson>() -> RefOr<Schema> {
    OneOfBuilder::new().item(T::schema()).item(ObjectBuilder::new().schema_type(Type::Null)).into()
}

impl<T: FromJson> FromJson for Field<T> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        if json == Json::Null { Ok(Self::Null) } else { T::from_json(json).map(Self::Value) }
    }

    fn absent() -> Option<Self> {
        Some(Self::Absent)
    }

    fn schema() -> RefOr<Schema> {
        nullable_schema::<T>()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}

impl<T: FromJson> FromJson for Nullable<T> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        Ok(Self(if json == Json::Null { None } else { Some(T::from_json(json)?) }))
    }

    fn schema() -> RefOr<Schema> {
        nullable_schema::<T>()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}

impl FromJson for bool {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        match json {
            Json::Bool(value) => Ok(value),
            other => Err(wrong_type("true or false", &other)),
        }
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

fn into_items(json: Json<'_>) -> Result<Vec<Json<'_>>, WireError> {
    match json {
        Json::Array(items) => Ok(items),
        other => Err(wrong_type("an array", &other)),
    }
}

/// A list; what it may hold at most is bounded by [`crate::json::ITEMS_MAX`].
impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let items = into_items(json)?.into_iter().enumerate();
        items.map(|(index, item)| T::from_json(item).map_err(|e| e.under(index))).collect()
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema()).into()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}

/// A list with at least one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonEmpty<T>(pub Vec<T>);

impl<T: FromJson> FromJson for NonEmpty<T> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let items = Vec::from_json(json)?;
        if items.is_empty() { Err(too_few_items()) } else { Ok(Self(items)) }
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema()).min_items(Some(1)).into()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}

/// A list of at most so many items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpTo<T, const MAX: usize>(pub Vec<T>);

impl<T: FromJson, const MAX: usize> FromJson for UpTo<T, MAX> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let items = Vec::from_json(json)?;
        if items.len() > MAX { Err(too_many_items(MAX)) } else { Ok(Self(items)) }
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema()).max_items(Some(MAX)).into()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}

/// Refuses a list that has the same key twice.
pub(crate) fn check_distinct<K: Ord>(keys: impl Iterator<Item = K>) -> Result<(), WireError> {
    let mut seen = BTreeSet::new();
    for (index, key) in keys.enumerate() {
        if !seen.insert(key) {
            let message = "names what another item of the list names already";
            return Err(WireError::here(ErrorCode::DuplicateItem, message).under(index));
        }
    }
    Ok(())
}

fn too_few_items() -> WireError {
    WireError::here(ErrorCode::TooFewItems, "must have at least one item")
}

/// A list of 1 to `MAX` items that are judged one by one, so that a caller may ask for the good
/// ones to be applied. The pointers of its errors begin inside the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<T, const MAX: usize = ITEMS_MAX> {
    /// The items that could be read, with their places.
    pub items: Vec<(usize, T)>,
    /// The items that could not, in the order of their places.
    pub errors: Vec<ItemError>,
}

impl<T: FromJson, const MAX: usize> FromJson for Batch<T, MAX> {
    fn from_json(json: Json<'_>) -> Result<Self, WireError> {
        let items = into_items(json)?;
        if items.is_empty() {
            return Err(too_few_items());
        }
        if items.len() > MAX {
            return Err(too_many_items(MAX));
        }
        let mut batch = Self { items: Vec::with_capacity(items.len()), errors: Vec::new() };
        for (index, item) in items.into_iter().enumerate() {
            match T::from_json(item) {
                Ok(value) => batch.items.push((index, value)),
                Err(error) => batch.errors.push(ItemError::new(index, with_place(error))),
            }
        }
        Ok(batch)
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema()).min_items(Some(1)).max_items(Some(MAX)).into()
    }

    fn components(out: &mut Vec<Component>) {
        T::components(out);
    }
}

/// The keys of one object on their way into a struct.
pub struct Fields<'a> {
    fields: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> Fields<'a> {
    /// Opens an object that may have these keys and no others.
    ///
    /// # Errors
    /// `invalid_type` where it is no object, `unknown_field` for the first other key.
    pub fn open(json: Json<'a>, known: &'static [&'static str]) -> Result<Self, WireError> {
        let Json::Object(fields) = json else { return Err(wrong_type("an object", &json)) };
        match fields.iter().find(|(key, _)| !known.contains(&key.as_ref())) {
            Some((key, _)) => Err(unknown_field(key, known)),
            None => Ok(Self { fields }),
        }
    }

    /// Takes the field of that name.
    ///
    /// # Errors
    /// `missing_field` where it is required and not there, or what its type refuses.
    pub fn take<T: FromJson>(&mut self, name: &'static str) -> Result<T, WireError> {
        match self.fields.iter().position(|(key, _)| *key == name) {
            Some(at) => {
                T::from_json(self.fields.swap_remove(at).1).map_err(|error| error.under(name))
            }
            None => T::absent().ok_or_else(|| {
                WireError::here(ErrorCode::MissingField, "is missing, and required").under(name)
            }),
        }
    }
}

fn unknown_field(key: &str, known: &[&str]) -> WireError {
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let meant = known.iter().find(|name| plain(name) == plain(key));
    let hint = match meant {
        Some(name) => format!("; did you mean `{name}`?"),
        None if known.is_empty() => "; there are none".to_owned(),
        None => format!("; the fields are {}", known.join(", ")),
    };
    WireError::here(ErrorCode::UnknownField, format!("is not a field here{hint}")).under(key)
}

/// Reads the entries of an object with free keys.
pub(crate) fn read_map<T>(
    json: Json<'_>,
    keys_max: usize,
    key_length_max: usize,
    read: impl Fn(Json<'_>) -> Result<T, WireError>,
) -> Result<BTreeMap<String, T>, WireError> {
    let Json::Object(fields) = json else { return Err(wrong_type("an object", &json)) };
    if fields.len() > keys_max {
        return Err(too_many_items(keys_max));
    }
    let mut map = BTreeMap::new();
    for (key, value) in fields {
        if key.trim().is_empty() {
            let message = "has a blank key";
            return Err(WireError::here(ErrorCode::InvalidString, message));
        }
        if key.chars().count() > key_length_max {
            let message = format!("is a key of more than {key_length_max} characters");
            return Err(WireError::here(ErrorCode::TooLong, message).under(key));
        }
        let value = read(value).map_err(|error| error.under(&key))?;
        map.insert(key.into_owned(), value);
    }
    Ok(map)
}

/// An enum with fixed spellings on the wire.
pub trait WireEnum: Sized + Copy + 'static {
    /// Every spelling.
    const TEXTS: &'static [&'static str];

    /// The value spelled so.
    fn find(text: &str) -> Option<Self>;
}

/// Reads one of the fixed spellings.
pub(crate) fn read_enum<T: WireEnum>(json: &Json<'_>) -> Result<T, WireError> {
    match json {
        Json::String(text) => T::find(text).ok_or_else(|| unknown_value(text, T::TEXTS)),
        other => Err(wrong_type("a string", other)),
    }
}

/// The refusal of a string that is none of the allowed ones.
pub(crate) fn unknown_value(found: &str, allowed: &[&str]) -> WireError {
    let list = if allowed.len() > 20 {
        "one of the values in the reference".to_owned()
    } else {
        format!("one of {}", allowed.join(", "))
    };
    let shown: String = found.chars().take(40).collect();
    WireError::here(ErrorCode::InvalidValue, format!("must be {list}, but is `{shown}`"))
}

/// The `type` of an object that is one of several shapes.
pub(crate) fn tag(json: &Json<'_>, tags: &[&'static str]) -> Result<&'static str, WireError> {
    let Json::Object(fields) = json else { return Err(wrong_type("an object", json)) };
    match fields.iter().find(|(key, _)| key == "type") {
        None => Err(WireError::here(ErrorCode::MissingField, "is missing, and required")),
        Some((_, Json::String(text))) => {
            tags.iter().find(|tag| **tag == text).copied().ok_or_else(|| unknown_value(text, tags))
        }
        Some((_, other)) => Err(wrong_type("a string", other)),
    }
    .map_err(|error| error.under("type"))
}

//! Small builders of `OpenAPI` schemas.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The schema with a description of the field that has it.
pub(crate) fn described(schema: RefOr<Schema>, text: &str) -> RefOr<Schema> {
    let text = text.to_owned();
    match schema {
        RefOr::Ref(mut reference) => {
            reference.description = text;
            RefOr::Ref(reference)
        }
        RefOr::T(mut schema) => {
            match &mut schema {
                Schema::Array(array) => array.description = Some(text),
                Schema::Object(object) => object.description = Some(text),
                Schema::OneOf(one_of) => one_of.description = Some(text),
                _ => {}
            }
            RefOr::T(schema)
        }
    }
}

/// The schema of a string that is one of these.
pub(crate) fn enumeration(texts: &[&'static str], text: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(text))
        .enum_values(Some(texts.iter().copied()))
        .into()
}

/// The schema of a string.
pub(crate) fn string(length_max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(length_max))
}

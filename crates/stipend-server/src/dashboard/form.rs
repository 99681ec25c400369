//! A form as it was sent, and what is wrong with it.

use crate::admission::Place;
use crate::error::ApiError;
use std::sync::Arc;
use stipend_engine::Refusal;
use stipend_wire::WireError;

/// The name of the field that carries the session's token.
pub(super) const TOKEN_FIELD: &str = "_token";

/// Why a form is refused: the sentence, and the field that it is about.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// What is wrong, for people.
    pub(super) message: String,
    /// The name of the field; the whole form where absent.
    pub(super) field: Option<String>,
}

impl Trouble {
    /// A trouble with one field.
    pub(super) fn at(field: &str, message: impl Into<String>) -> Self {
        Self { message: message.into(), field: Some(field.to_owned()) }
    }

    /// The same trouble, with a field where it named none.
    pub(super) fn or_at(mut self, field: &str) -> Self {
        self.field.get_or_insert_with(|| field.to_owned());
        self
    }

    /// The same trouble, with another place for its field: those below `from` become those below
    /// `to`.
    pub(super) fn moved(mut self, from: &str, to: &str) -> Self {
        let rest = self.field.as_deref().and_then(|field| field.strip_prefix(from));
        if let Some(rest) = rest {
            self.field = Some(format!("{to}{rest}"));
        }
        self
    }
}

impl Trouble {
    /// The same trouble; where its field is below one of these, at that one.
    pub(super) fn first_step(mut self, fields: &[&str]) -> Self {
        let below = |field: &&&str| {
            let at = self.field.as_deref().and_then(|at| at.strip_prefix(**field));
            at.is_some_and(|rest| rest.starts_with('/'))
        };
        if let Some(field) = fields.iter().find(below) {
            self.field = Some((*field).to_owned());
        }
        self
    }
}

/// Fields of forms have the names of the request's fields, with `/` between the steps.
impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        let param = error.param.as_deref().unwrap_or_default();
        // Beside its field, a trouble need not name it.
        let message = error.message.replace(&format!("`{param}`"), "this");
        let field = param.trim_start_matches('/');
        let field = (!field.is_empty()).then(|| field.to_owned());
        Self { message: sentence(&message), field }
    }
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        error.into_wire().into()
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        ApiError::from(refusal).into()
    }
}

/// The message of a refusal as a sentence of its own.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(char::to_uppercase);
    let mut text: String = first.into_iter().flatten().chain(characters).collect();
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    text
}

/// The fields of a form, with what is wrong with them.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    trouble: Option<Trouble>,
    focus: Option<String>,
    /// The room that its fields take, where they are many.
    _room: Option<Arc<Place>>,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`. Browsers end lines with a carriage return and a
    /// line feed; texts have line feeds only.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let fields = form_urlencoded::parse(bytes)
            .map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n")))
            .collect();
        Self { fields, ..Self::default() }
    }

    /// The same form, which keeps that room.
    pub(super) fn within(mut self, room: Option<Place>) -> Self {
        self._room = room.map(Arc::new);
        self
    }

    /// A form that is filled with what is there.
    pub(super) fn filled<N: Into<String>>(fields: impl IntoIterator<Item = (N, String)>) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { fields, ..Self::default() }
    }

    /// The same form with what is wrong with it.
    pub(super) fn with(mut self, trouble: Trouble) -> Self {
        self.trouble = Some(trouble);
        self
    }

    /// The same form with a value for a field that has none.
    pub(super) fn or_filled(mut self, name: &str, value: &str) -> Self {
        if self.get(name).is_empty() {
            self.fields.retain(|(field, _)| field != name);
            self.fields.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Its fields as browsers write them.
    pub(super) fn encoded(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.fields).finish()
    }

    /// As [`Form::encoded`], without some of them.
    pub(super) fn encoded_but(&self, names: &[&str]) -> String {
        let fields = self.fields.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    /// The fields below a name, with what of their names stands below it.
    pub(super) fn below<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let fields = self.fields.iter();
        fields.filter_map(move |(field, value)| Some((field.strip_prefix(name)?, value.as_str())))
    }

    /// The value of a field; empty where it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a field that may be sent several times.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field in one of several lines.
    pub(super) fn nth(&self, name: &str, place: usize) -> &str {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        values.nth(place).map_or("", |(_, value)| value)
    }

    /// The same form with one more value of a field.
    pub(super) fn plus(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same form without the value of a field in one of several lines.
    pub(super) fn without(mut self, name: &str, place: usize) -> Self {
        let mut places = self.fields.iter().enumerate().filter(|(_, (field, _))| field == name);
        if let Some((index, _)) = places.nth(place) {
            self.fields.remove(index);
        }
        self
    }

    /// The same form with the field, as a trouble names it, in which typing goes on.
    pub(super) fn focused(mut self, field: String) -> Self {
        self.focus = Some(field);
        self
    }

    /// Whether typing goes on in a field.
    pub(super) fn is_focused(&self, field: &str) -> bool {
        self.focus.as_deref() == Some(field)
    }

    /// Whether a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// What is wrong with a field.
    pub(super) fn trouble_at(&self, name: &str) -> Option<&str> {
        let trouble = self.trouble.as_ref()?;
        (trouble.field.as_deref() == Some(name)).then_some(trouble.message.as_str())
    }

    /// What is wrong.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }
}

//! What the lists of the catalog and the pages of their things have in common: products, features
//! and credit types.

use super::field::{Field, Sheet, add_page, one_button};
use super::form::Form;
use super::layout::Section;
use super::repeat::on_enter;
use super::ui::{Head, Tone, badge, button, empty, isolated, primary, tabs};
use super::visit::Visit;
use axum::response::Response;
use maud::{Markup, html};
use std::sync::Arc;

/// A list of the catalog, and what it says of itself.
pub(super) struct Shelf {
    /// Its place in the navigation.
    pub(super) section: Section,
    /// Its address.
    pub(super) list: &'static str,
    /// The address of the form of a new thing; it is none that a thing of the list could have.
    pub(super) new: &'static str,
    /// One thing of it, and several.
    pub(super) names: (&'static str, &'static str),
    /// What ids begin with that are made of a name.
    pub(super) prefix: &'static str,
    /// What it is for.
    pub(super) lead: &'static str,
    /// What to do where it is empty.
    pub(super) next: &'static str,
}

/// Something in a list of the catalog.
pub(super) trait Thing {
    /// Its id.
    fn id(&self) -> &str;
    /// Its name.
    fn name(&self) -> &str;
    /// Whether it is archived.
    fn is_archived(&self) -> bool;
}

impl Shelf {
    fn title(&self) -> String {
        let (_, many) = self.names;
        let mut letters = many.chars();
        let first = letters.next().map(char::to_uppercase);
        first.into_iter().flatten().chain(letters).collect()
    }

    /// The address of one thing.
    pub(super) fn path_of(&self, visit: &Visit, thing: &impl Thing) -> String {
        visit.path(&format!("{}/{}", self.list, thing.id()))
    }

    /// The list: what is active, or what is archived.
    pub(super) fn page<'a, T: Thing + 'a>(
        &self,
        visit: &Visit,
        all: impl Iterator<Item = &'a Arc<T>>,
        rows: impl FnOnce(&[&T]) -> Markup,
    ) -> Response {
        let is_archive = visit.query().get("status") == "archived";
        let mut all: Vec<&T> = all.map(Arc::as_ref).collect();
        all.sort_by_key(|thing| thing.name().to_lowercase());
        let archived = all.iter().filter(|thing| thing.is_archived()).count();
        let active = all.len() - archived;
        all.retain(|thing| thing.is_archived() == is_archive);
        let (one, many) = self.names;
        let add = primary(&visit.path(self.new), &format!("+ Add {one}"));
        let title = self.title();
        let body = html! {
            (Head { actions: add.clone(), ..Head::new(&title) })
            p.lead { (self.lead) }
            (tabs(&visit.path(self.list), is_archive, active, archived))
            @if !all.is_empty() {
                (rows(&all))
            } @else if is_archive {
                (empty("Nothing is archived", &format!("Archived {many} can be restored from here."),
                    &Markup::default()))
            } @else {
                (empty(&format!("No {many} yet"), self.next, &add))
            }
        };
        visit.page(self.section, &title, &body)
    }

    /// The head of the page of one thing; `archive` leads to archiving it.
    pub(super) fn head(&self, visit: &Visit, thing: &impl Thing, archive: &Markup) -> Markup {
        let (path, title) = (self.path_of(visit, thing), self.title());
        html! {
            (Head {
                above: &[(visit.path(self.list), &title)],
                beside: html! { @if thing.is_archived() { (badge(Tone::Quiet, "Archived")) } },
                actions: html! {
                    (button(&format!("{path}/edit"), "Edit"))
                    @if thing.is_archived() {
                        (one_button(visit, &format!("{path}/unarchive"), "Restore"))
                    } @else {
                        (archive)
                    }
                },
                ..Head::new(thing.name())
            })
        }
    }

    /// The head of a page below the page of one thing.
    pub(super) fn head_below(&self, visit: &Visit, thing: &impl Thing, title: &str) -> Markup {
        let many = self.title();
        let above =
            [(visit.path(self.list), many.as_str()), (self.path_of(visit, thing), thing.name())];
        html! { (Head { above: &above, ..Head::new(title) }) }
    }

    /// The fields that all things have. The id cannot be changed once it is made.
    pub(super) fn fields(&self, form: &Form, is_new: bool) -> Markup {
        let id = Field::text(form, "id", "Id").max(255);
        let id = if is_new {
            id.required()
                .slug_of("displayName", self.prefix)
                .hint("What your code calls it. It cannot be changed later.")
        } else {
            id.fixed().hint("It cannot be changed.")
        };
        html! {
            (on_enter())
            (Field::text(form, "displayName", "Name").required().max(255))
            (id)
            (Field::lines(form, "description", "Description").max(5000))
        }
    }

    /// The title of the page that adds one, and of the page that edits one.
    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.names.0)
    }

    /// The form of a new thing.
    fn new_body(&self, visit: &Visit, form: &Form, fields: Markup) -> Markup {
        add_page(visit, (self.list, &self.title()), &self.doing("Add"), form, fields)
    }

    /// The page with the form of a new thing.
    pub(super) fn new_page(&self, visit: &Visit, form: &Form, fields: Markup) -> Response {
        let body = self.new_body(visit, form, fields);
        visit.page(self.section, &self.doing("Add"), &body)
    }

    /// The same, where the form was refused.
    pub(super) fn new_refused(&self, visit: &Visit, form: &Form, fields: Markup) -> Response {
        let body = self.new_body(visit, form, fields);
        visit.refused(self.section, &self.doing("Add"), &body)
    }

    fn edit_body(&self, visit: &Visit, thing: &impl Thing, form: &Form, fields: Markup) -> Markup {
        let path = self.path_of(visit, thing);
        html! {
            (self.head_below(visit, thing, &self.doing("Edit")))
            (Sheet { visit, action: &path, form, fields, submit: "Save", cancel: Some(&path) })
        }
    }

    /// The page with the form of a present thing.
    pub(super) fn edit_page(
        &self,
        visit: &Visit,
        thing: &impl Thing,
        form: &Form,
        fields: Markup,
    ) -> Response {
        let body = self.edit_body(visit, thing, form, fields);
        visit.page(self.section, &self.doing("Edit"), &body)
    }

    /// The same, where the form was refused.
    pub(super) fn edit_refused(
        &self,
        visit: &Visit,
        thing: &impl Thing,
        form: &Form,
        fields: Markup,
    ) -> Response {
        let body = self.edit_body(visit, thing, form, fields);
        visit.refused(self.section, &self.doing("Edit"), &body)
    }
}

/// "API Credits was archived."
pub(super) fn was(name: &str, done: &str) -> String {
    format!("{} was {done}.", isolated(name))
}

//! Cursors of lists: opaque to callers, bound to their list and environment.

use crate::error::ApiError;
use std::fmt::Write as _;
use stipend_core::{EnvId, Timestamp};
use stipend_store::Page;
use stipend_wire::{ErrorCode, Pagination};

/// The longest cursor that is looked at.
const LENGTH_MAX: usize = 700;

/// The place of an item in a list; the greater comes first.
pub(crate) trait Place: Ord + Clone {
    /// The bytes of a cursor.
    fn to_bytes(&self) -> Vec<u8>;
    /// The place in the bytes of a cursor.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// The place of a catalog object: when it was made, then its id.
pub(crate) type Made = (Timestamp, String);

impl Place for Made {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.0.micros().to_be_bytes()[..], self.1.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, id) = bytes.split_first_chunk()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some((Timestamp::from_micros(i64::from_be_bytes(*at)), id))
    }
}

impl Place for u64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Place for (u64, u32) {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.0.to_be_bytes()[..], &self.1.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (first, second) = bytes.split_first_chunk()?;
        let second = second.try_into().ok()?;
        Some((u64::from_be_bytes(*first), u32::from_be_bytes(second)))
    }
}

/// A list of one environment, whose cursors no other list takes.
#[derive(Clone, Debug)]
pub(crate) struct List {
    name: String,
}

impl List {
    /// The list with that name; whatever narrows it beyond its filters belongs to the name.
    #[must_use]
    pub(crate) fn new(env: EnvId, name: &str) -> Self {
        Self { name: format!("{}/{name}", env.0) }
    }

    /// The cursor of a place.
    #[must_use]
    pub(crate) fn cursor(&self, place: &impl Place) -> String {
        let bytes = place.to_bytes();
        let check = self.check(&bytes);
        bytes.iter().chain(&check).fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn check(&self, bytes: &[u8]) -> [u8; 4] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.name.as_bytes()).update(&[0]).update(bytes);
        let mut check = [0; 4];
        check.copy_from_slice(&hasher.finalize().as_bytes()[..4]);
        check
    }

    /// The refusal of a cursor that no page of this list has given.
    pub(crate) fn foreign() -> ApiError {
        ApiError::new(ErrorCode::InvalidCursor, "the cursor is not one of this list")
    }

    fn place<P: Place>(&self, cursor: &str) -> Result<P, ApiError> {
        let refused = Self::foreign;
        if cursor.len() > LENGTH_MAX || cursor.len() % 2 == 1 {
            return Err(refused());
        }
        let bytes: Option<Vec<u8>> = (0..cursor.len() / 2)
            .map(|place| u8::from_str_radix(cursor.get(place * 2..place * 2 + 2)?, 16).ok())
            .collect();
        let bytes = bytes.ok_or_else(refused)?;
        let (bytes, check) = bytes.split_last_chunk().ok_or_else(refused)?;
        if self.check(bytes) != *check {
            return Err(refused());
        }
        P::from_bytes(bytes).ok_or_else(refused)
    }

    /// The page that a query asks for.
    ///
    /// # Errors
    /// `invalid_cursor` for a cursor of another list, or where both directions are asked for.
    pub(crate) fn page<P: Place>(
        &self,
        after: Option<&str>,
        before: Option<&str>,
    ) -> Result<Page<P>, ApiError> {
        match (after, before) {
            (None, None) => Ok(Page::First),
            (Some(after), None) => self.place(after).map(Page::After),
            (None, Some(before)) => self.place(before).map(Page::Before),
            (Some(_), Some(_)) => {
                let message = "send either `after` or `before`";
                Err(ApiError::new(ErrorCode::InvalidCursor, message))
            }
        }
    }

    /// The cursors around a page: `has_more` says whether the list goes on in the direction that
    /// was asked for; in the other one it does wherever a cursor was given.
    #[must_use]
    pub(crate) fn pagination<P: Place>(
        &self,
        page: &Page<P>,
        first: Option<&P>,
        last: Option<&P>,
        has_more: bool,
    ) -> Pagination {
        let (has_next, has_prev) = match page {
            Page::First => (has_more, false),
            Page::After(_) => (has_more, true),
            Page::Before(_) => (true, has_more),
        };
        Pagination {
            next: last.filter(|_| has_next).map(|place| self.cursor(place)),
            prev: first.filter(|_| has_prev).map(|place| self.cursor(place)),
        }
    }
}

/// Cuts a page out of a whole list, newest first.
pub(crate) fn cut<P: Place, T>(
    list: &List,
    mut items: Vec<(P, T)>,
    page: &Page<P>,
    limit: usize,
) -> (Vec<T>, Pagination) {
    items.sort_by(|(one, _), (other, _)| other.cmp(one));
    let has_more = match page {
        Page::First => items.len() > limit,
        Page::After(cursor) => {
            items.retain(|(place, _)| place < cursor);
            items.len() > limit
        }
        Page::Before(cursor) => {
            items.retain(|(place, _)| place > cursor);
            let surplus = items.len().saturating_sub(limit);
            items.drain(..surplus);
            surplus > 0
        }
    };
    items.truncate(limit);
    let first = items.first().map(|(place, _)| place.clone());
    let last = items.last().map(|(place, _)| place.clone());
    let pagination = list.pagination(page, first.as_ref(), last.as_ref(), has_more);
    (items.into_iter().map(|(_, item)| item).collect(), pagination)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_in_its_own_list_only() {
        let list = List::new(EnvId(1), "plans");
        let cursor = list.cursor(&7u64);
        assert!(matches!(list.page::<u64>(Some(&cursor), None), Ok(Page::After(7))));
        let foreign = [List::new(EnvId(2), "plans"), List::new(EnvId(1), "addons")];
        for other in foreign {
            assert!(other.page::<u64>(Some(&cursor), None).is_err());
        }
        for bad in ["", "zz", "0", "é0", &cursor[1..], &"0".repeat(10_000)] {
            assert!(list.page::<u64>(Some(bad), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn pages_in_both_directions_show_every_item_once() {
        let list = List::new(EnvId(1), "numbers");
        let items = || (0..7u64).map(|number| (number, number)).collect::<Vec<_>>();
        let (first, around) = cut(&list, items(), &Page::First, 3);
        assert_eq!((first, around.prev.clone()), (vec![6, 5, 4], None));
        let next = list.page::<u64>(around.next.as_deref(), None).unwrap();
        let (second, around) = cut(&list, items(), &next, 3);
        assert_eq!(second, [3, 2, 1]);
        let next = list.page::<u64>(around.next.as_deref(), None).unwrap();
        let (third, end) = cut(&list, items(), &next, 3);
        assert_eq!((third, end.next), (vec![0], None));
        let back = list.page::<u64>(None, around.prev.as_deref()).unwrap();
        let (again, around) = cut(&list, items(), &back, 3);
        assert_eq!((again, around.prev), (vec![6, 5, 4], None));
    }
}

//! Parts of an aggregate that change seldom.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A value that copies of an aggregate share until one of them changes it.
///
/// Every batch publishes a copy of each customer that it changed, and nearly all of them only drew
/// from a grant: what else a customer is need not be copied for that.
///
/// # Examples
///
/// ```
/// use stipend_core::Shared;
/// let mut one = Shared::from(vec![1, 2]);
/// let other = one.clone();
/// one.push(3);
/// assert_eq!((one.len(), other.len()), (3, 2));
/// ```
#[derive(Default, Eq)]
pub struct Shared<T>(Arc<T>);

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn clone_from(&mut self, other: &Self) {
        share(&mut self.0, &other.0);
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// As the value itself.
impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A change is made on a copy where anybody else has the value too.
impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<'a, T> IntoIterator for &'a Shared<T>
where
    &'a T: IntoIterator,
{
    type Item = <&'a T as IntoIterator>::Item;
    type IntoIter = <&'a T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&*self.0).into_iter()
    }
}

/// Has `to` share what `from` has. Mostly it does already, in the room of an earlier copy; then
/// nobody is counted off and on, which would take the count from whichever thread had it last.
pub(crate) fn share<T: ?Sized>(to: &mut Arc<T>, from: &Arc<T>) {
    if !Arc::ptr_eq(to, from) {
        *to = Arc::clone(from);
    }
}

/// Clones another value field by field into the room of this one. All fields must be named, so that
/// none is forgotten; `but` names those that were done already.
macro_rules! clone_fields {
    ($to:ident from $from:ident $(, but $($done:ident),+)?; copied $($copied:ident),*;
     cloned $($cloned:ident),*) => {
        let Self { $($($done: _,)+)? $($copied,)* $($cloned),* } = $from;
        $($to.$copied = *$copied;)*
        $($to.$cloned.clone_from($cloned);)*
    };
}
pub(crate) use clone_fields;

/// Makes room for one value more, and for few beyond it: most customers have one or two of a thing
/// for ever, and a list that grows by itself begins with room for four.
pub(crate) fn make_room<T>(values: &mut Vec<T>) {
    if values.len() == values.capacity() {
        values.reserve_exact(values.len() / 2 + 1);
    }
}

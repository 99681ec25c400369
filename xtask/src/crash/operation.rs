//! What the clients do: consumptions and grants, each under a key of its own.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::amount::Thousandths;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Consume,
    Grant,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Consume => "consume",
            Self::Grant => "grant",
        }
    }
}

/// One submission; sending it twice is the same operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) customer: String,
    pub(super) amount: Thousandths,
}

/// What identifies an answer: a replay must give the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer(u64);

impl Answer {
    /// A consumption must be answered with the very same `data`. A grant is an object that goes
    /// on living, so there it is the same grant with the same amount.
    pub(super) fn of(kind: Kind, data: &Value) -> Self {
        let text = match kind {
            Kind::Consume => data.to_string(),
            Kind::Grant => format!("{} {}", data["id"], data["amount"]),
        };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_consumption_answers_the_same_only_with_the_same_data() {
        let first = json!({ "amount": 1, "credit": { "currentUsage": 1 } });
        let other = json!({ "amount": 1, "credit": { "currentUsage": 2 } });
        assert_eq!(Answer::of(Kind::Consume, &first), Answer::of(Kind::Consume, &first.clone()));
        assert_ne!(Answer::of(Kind::Consume, &first), Answer::of(Kind::Consume, &other));
    }

    #[test]
    fn a_grant_answers_the_same_while_it_is_being_consumed() {
        let first = json!({ "id": "g", "amount": 5, "consumedAmount": 0 });
        let later = json!({ "id": "g", "amount": 5, "consumedAmount": 3 });
        let other = json!({ "id": "h", "amount": 5, "consumedAmount": 0 });
        assert_eq!(Answer::of(Kind::Grant, &first), Answer::of(Kind::Grant, &later));
        assert_ne!(Answer::of(Kind::Grant, &first), Answer::of(Kind::Grant, &other));
    }
}

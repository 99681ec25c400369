//! Who did it: the actor that a row of the journal names.

use crate::api_key::KeyNo;
use stipend_store::choice;
use stipend_store::codec::{CodecError, Decode, Encode, Reader, Writer};

/// Who had a command done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody: time did what was due, or a task went on.
    System,
    /// Whoever had an API key.
    Key(KeyNo),
    /// An operator of the dashboard, by the name they signed in with.
    Operator(String),
    /// Whoever runs the program: its command line, its settings.
    Host,
}

choice!(Actor { 1 => System, 2 => Key(KeyNo), 3 => Operator(String), 4 => Host });

/// A value with who made it so. The actor stands behind the value, so that one of which nobody was
/// recorded is as it ever was; it takes two bytes for the first 127 keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    /// The value.
    pub value: T,
    /// Who made it so; not recorded where absent.
    pub by: Option<Actor>,
}

/// As [`Signed`], to be written.
pub(crate) struct Signing<'a, T>(pub(crate) &'a T, pub(crate) &'a Actor);

impl<T: Encode> Encode for Signing<'_, T> {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
        self.1.encode(writer);
    }
}

/// It takes all that is left: it can only be the whole of what is read.
impl<T: Decode> Decode for Signed<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let value = T::decode(reader)?;
        let by = if reader.left() > 0 { Some(Actor::decode(reader)?) } else { None };
        Ok(Self { value, by })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stipend_store::codec::{from_bytes, to_bytes};

    #[test]
    fn an_actor_takes_two_bytes_behind_its_value_and_old_values_have_none() {
        let old = to_bytes(&7_u32);
        let read: Signed<u32> = from_bytes(&old).expect("old values can be read");
        assert_eq!(read, Signed { value: 7, by: None });
        let operator = Actor::Operator("Ada".to_owned());
        for (actor, grows) in [
            (Actor::System, 1),
            (Actor::Key(KeyNo(1)), 2),
            (Actor::Key(KeyNo(127)), 2),
            (Actor::Key(KeyNo(128)), 3),
            (operator, 5),
            (Actor::Host, 1),
        ] {
            let bytes = to_bytes(&Signing(&7_u32, &actor));
            assert_eq!(bytes.len(), old.len() + grows, "{actor:?}");
            let read = from_bytes(&bytes);
            assert_eq!(read, Ok(Signed { value: 7_u32, by: Some(actor) }));
        }
        let beyond = [old, vec![4, 0]].concat();
        assert_eq!(from_bytes::<Signed<u32>>(&beyond), Err(CodecError::Trailing(1)));
    }
}

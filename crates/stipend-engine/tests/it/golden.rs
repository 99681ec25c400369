//! Goal: show that what the engine itself stores stays readable and means the same for ever: API
//! keys, and who has done something. What it stores of the domain is frozen in `stipend-store`.
//! Method: as there. A file for each value; its bytes must be exactly the file's, and the file must
//! give the value back. A missing file is written with `STIPEND_BLESS=1`, one that is there never.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::path::PathBuf;
use stipend_core::{EnvId, Timestamp};
use stipend_engine::{Actor, ApiKey, KeyNo, Rights, Scope};
use stipend_store::codec::{Decode, Encode, from_bytes, to_bytes};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.chunks(32).fold(String::new(), |mut text, line| {
        for byte in line {
            write!(text, "{byte:02x}").expect("a string takes everything");
        }
        text.push('\n');
        text
    })
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let byte = |place| u8::from_str_radix(&digits[place..place + 2], 16).expect("hex digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Looks whether a value is what its file has, and the other way around.
fn check<T: Encode + Decode + PartialEq + Debug>(name: &str, value: &T) -> String {
    let name = format!("{name}.hex");
    let path = folder().join(&name);
    if !path.exists() && std::env::var_os("STIPEND_BLESS").is_some() {
        std::fs::write(&path, to_hex(&to_bytes(value))).expect("a new file can be written");
    }
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|_| panic!("{name} is missing: run with STIPEND_BLESS=1"));
    assert_eq!(text, to_hex(&to_bytes(value)), "{name}: the value is written otherwise");
    assert_eq!(from_bytes::<T>(&from_hex(&text)).as_ref(), Ok(value), "{name}: it is read so");
    name
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_772_323_200_000_000 + micros)
}

/// A key as the first start makes it.
fn first_key() -> ApiKey {
    ApiKey {
        digest: std::array::from_fn(|place| u8::try_from(place).expect("there are 32")),
        created_at: at(1),
        rights: Rights { manages_environments: true },
        number: KeyNo(1),
        created_by: Some(Actor::Host),
        ..ApiKey::new("sk_stipend_0123")
    }
}

/// A key with everything that one can have.
fn revoked_key() -> ApiKey {
    ApiKey {
        env: EnvId(2),
        scope: Scope::Usage,
        name: "checkout service".to_owned(),
        number: KeyNo(300),
        rights: Rights { manages_environments: false },
        created_by: Some(Actor::Operator("Ada".to_owned())),
        revoked_at: Some(at(2)),
        revoked_by: Some(Actor::Key(KeyNo(1))),
        ..first_key()
    }
}

#[test]
fn the_bytes_of_keys_and_of_who_did_it_are_frozen() {
    let names = BTreeSet::from([
        check("actor-system", &Actor::System),
        check("actor-key", &Actor::Key(KeyNo(7))),
        check("actor-operator", &Actor::Operator("Ada Łovelace".to_owned())),
        check("actor-host", &Actor::Host),
        check("api-key-first", &first_key()),
        check("api-key-revoked", &revoked_key()),
        check("api-key-to-read", &ApiKey { scope: Scope::Read, ..first_key() }),
    ]);
    let files = std::fs::read_dir(folder()).expect("the golden files are there");
    let files = files.map(|file| file.expect("it can be listed").file_name());
    let files: BTreeSet<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(files, names, "every golden file has its value");
}

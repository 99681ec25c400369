//! Passwords that are guessed first. A list of thousands has mostly the same few words in it, with
//! digits behind and letters swapped for signs; so the words are listed and the rest is undone.

/// The words that common passwords are made of, in small letters.
const WORDS: &[&str] = &[
    "aaa",
    "abc",
    "abcd",
    "abcde",
    "abcdef",
    "abcdefg",
    "abcdefgh",
    "access",
    "account",
    "adam",
    "admin",
    "administrator",
    "alex",
    "alexander",
    "amanda",
    "andrea",
    "andrew",
    "angel",
    "angels",
    "anthony",
    "apple",
    "arsenal",
    "asdf",
    "asdfg",
    "asdfgh",
    "asdfghjk",
    "asdfghjkl",
    "ashley",
    "asshole",
    "austin",
    "babygirl",
    "badboy",
    "bailey",
    "banana",
    "barcelona",
    "baseball",
    "basketball",
    "batman",
    "blink",
    "bubbles",
    "buster",
    "butterfly",
    "changeit",
    "changeme",
    "charlie",
    "cheese",
    "chelsea",
    "chocolate",
    "computer",
    "cookie",
    "corvette",
    "cowboys",
    "credit",
    "credits",
    "dallas",
    "daniel",
    "dashboard",
    "default",
    "demo",
    "diamond",
    "donald",
    "dragon",
    "eagles",
    "elephant",
    "family",
    "ferrari",
    "football",
    "forever",
    "freedom",
    "friends",
    "fuckyou",
    "george",
    "ginger",
    "guest",
    "hallo",
    "hannah",
    "harley",
    "hello",
    "hockey",
    "hunter",
    "hottie",
    "iloveyou",
    "internet",
    "jasmine",
    "jennifer",
    "jessica",
    "jesus",
    "jordan",
    "joshua",
    "justin",
    "killer",
    "kristen",
    "letmein",
    "liverpool",
    "login",
    "london",
    "lovely",
    "loveme",
    "lovers",
    "maggie",
    "manager",
    "manchester",
    "marina",
    "martin",
    "master",
    "matrix",
    "matthew",
    "mercedes",
    "merlin",
    "metallica",
    "michael",
    "michelle",
    "monkey",
    "monster",
    "mustang",
    "mylove",
    "mynoob",
    "naruto",
    "nicole",
    "ninja",
    "number",
    "orange",
    "owner",
    "pass",
    "passport",
    "passw",
    "passwd",
    "password",
    "passwort",
    "patrick",
    "pepper",
    "phoenix",
    "playboy",
    "please",
    "pokemon",
    "princess",
    "purple",
    "qazwsx",
    "qazwsxedc",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyu",
    "qwertyui",
    "qwertyuio",
    "qwertyuiop",
    "qwertz",
    "qweasd",
    "qweasdzxc",
    "qweqwe",
    "rainbow",
    "ranger",
    "richard",
    "robert",
    "root",
    "samantha",
    "samsung",
    "scooter",
    "secret",
    "security",
    "server",
    "shadow",
    "silver",
    "slipknot",
    "snoopy",
    "soccer",
    "spiderman",
    "starwars",
    "startrek",
    "steelers",
    "stipend",
    "summer",
    "sunshine",
    "superman",
    "superstar",
    "support",
    "sysadmin",
    "system",
    "taylor",
    "temp",
    "test",
    "testing",
    "thomas",
    "thunder",
    "tigger",
    "toor",
    "trustno",
    "unknown",
    "user",
    "username",
    "victoria",
    "welcome",
    "whatever",
    "william",
    "winner",
    "winter",
    "xxxxxx",
    "yamaha",
    "yankees",
    "zaqwsx",
    "zxcv",
    "zxcvb",
    "zxcvbn",
    "zxcvbnm",
];

/// Rows of the keyboard and what people count in.
const RUNS: [&str; 6] = [
    "01234567890123456789",
    "98765432109876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Whether many people have it, or it is little more than the name it stands beside.
pub(super) fn is_common(password: &str, name: &str) -> bool {
    let small = password.to_lowercase();
    let is_run = RUNS.iter().any(|run| run.contains(&small));
    is_run || is_repeated(&small) || cores(&small).any(|core| is_word(&core, name))
}

/// A piece that is said over and over: `abababab`, `12341234`.
fn is_repeated(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    (1..=characters.len() / 2).any(|length| {
        characters.iter().enumerate().all(|(place, it)| *it == characters[place % length])
    })
}

/// The word in it, as it is and with the signs that stand for letters undone: `p4$$w0rd!23`.
fn cores(text: &str) -> impl Iterator<Item = String> {
    let is_letter = |it: char| it.is_alphabetic();
    let bare = text.trim_matches(|it| !is_letter(it)).to_owned();
    let undone: String =
        text.trim_end_matches(|it: char| !is_letter(it)).chars().map(letter).collect();
    let whole: String = text.chars().map(letter).collect();
    [bare, undone, whole].into_iter()
}

fn letter(sign: char) -> char {
    match sign {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Nothing but signs, one of the words once or twice, or the name.
fn is_word(core: &str, name: &str) -> bool {
    let core = core.trim_matches(|it: char| !it.is_alphabetic());
    let halves = core.split_at_checked(core.len() / 2);
    let once = halves.filter(|(first, second)| first == second).map_or(core, |(first, _)| first);
    once.is_empty() || WORDS.contains(&once) || once == name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_people_have_is_common_in_all_its_spellings() {
        let check = |password: &str, expected: bool| {
            assert_eq!(is_common(password, "Maria"), expected, "{password}");
        };
        check("password", true);
        check("Password123!", true);
        check("p4$$w0rd", true);
        check("P@ssw0rd2024", true);
        check("12345678", true);
        check("87654321", true);
        check("qwertyuiop", true);
        check("asdfghjkl", true);
        check("1q2w3e4r5t", true);
        check("aaaaaaaa", true);
        check("abcabcabc", true);
        check("passwordpassword", true);
        check("stipend2026", true);
        check("maria1234", true);
        check("20260131", true);
        check("!!!!!!!?", true);
        check("correct horse battery", false);
        check("violet-kettle-9", false);
        check("Straße im Regen", false);
        check("日本語のパスワード", false);
        check("passwords are silly", false);
    }
}

//! A browser without scripts: it keeps cookies, fills the forms that pages have, and follows where
//! it is sent.

use crate::support::{Answer, Server};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Somebody with a browser.
pub(crate) struct Browser<'a> {
    server: &'a Server,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    /// A browser that knows nothing yet.
    pub(crate) fn new(server: &'a Server) -> Self {
        Self { server, cookies: RefCell::default() }
    }

    /// A browser of somebody who is signed in.
    pub(crate) fn signed_in(server: &'a Server) -> Self {
        let browser = Self::new(server);
        let arrived = browser.get(&format!("/signin?token={}", server.sign_in_token()));
        assert_eq!(arrived.status, 303, "the link signs in: {}", arrived.text());
        browser
    }

    /// Loads a page, without following where it sends.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let call = self.server.anonymous("GET", path).header("accept", "text/html");
        self.keep(call.header("cookie", &self.cookie_line()).send())
    }

    /// Loads a page that has to be there.
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Sends fields as they are, with nothing around them.
    pub(crate) fn post_raw(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let call = self.server.anonymous("POST", path);
        let call = call
            .header("cookie", &self.cookie_line())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.keep(call.body(encode(fields)).send())
    }

    /// Fills and sends the form of a page that is posted to `action`: what the page has in its
    /// hidden fields goes along.
    pub(crate) fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let html = self.page(page);
        let form = form_of(&html, action)
            .unwrap_or_else(|| panic!("{page} has no form to {action}: {html}"));
        let mut all = hidden_of(form);
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let all: Vec<(&str, &str)> =
            all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post_raw(action, &all)
    }

    /// Sends the form of a page as it stands there, by the button that sends it when the Enter key
    /// is pressed.
    pub(crate) fn resubmit(&self, page: &str, action: &str) -> Answer {
        let html = self.page(page);
        let form = form_of(&html, action)
            .unwrap_or_else(|| panic!("{page} has no form to {action}: {html}"));
        let all = standing_in(form);
        let all: Vec<(&str, &str)> =
            all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post_raw(action, &all)
    }

    /// As [`Browser::submit`], where the form must be taken; answers the page after it.
    pub(crate) fn done(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.submit(page, action, fields);
        assert_eq!(answer.status, 303, "{action}: {}", answer.text());
        let to = answer.header("location").expect("a redirect says where to").to_owned();
        self.page(&to)
    }

    /// The cookies that it has.
    pub(crate) fn cookie_line(&self) -> String {
        let cookies = self.cookies.borrow();
        let pairs: Vec<String> = cookies.iter().map(|(name, id)| format!("{name}={id}")).collect();
        pairs.join("; ")
    }

    /// Puts a cookie into it.
    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    fn keep(&self, answer: Answer) -> Answer {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("ours are text");
            let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            if rest.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
        answer
    }
}

/// The source of the form that is posted to `action`.
pub(crate) fn form_of<'a>(html: &'a str, action: &str) -> Option<&'a str> {
    html.split("<form").skip(1).find_map(|rest| {
        let head = rest.split('>').next()?;
        let is_it = head.contains(&format!("action=\"{action}\""));
        is_it.then(|| rest.split("</form>").next().unwrap_or(rest))
    })
}

fn hidden_of(form: &str) -> Vec<(String, String)> {
    let inputs = form.split("<input").skip(1).filter_map(|input| input.split('>').next());
    let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
    let field = |input| (attribute(input, "name"), unescaped(&attribute(input, "value")));
    hidden.map(field).collect()
}

/// What a browser sends of a form in which nothing was touched.
pub(crate) fn standing_in(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for element in form.split('<') {
        let head = element.split('>').next().unwrap_or_default();
        if head.starts_with("input ") {
            let is_box = head.contains("type=\"radio\"") || head.contains("type=\"checkbox\"");
            if !is_box || head.contains(" checked") {
                // A field of one line drops line breaks, a hidden one does not.
                let value = unescaped(&attribute(head, "value"));
                let is_hidden = head.contains("type=\"hidden\"");
                let value = if is_hidden { value } else { value.replace(['\r', '\n'], "") };
                fields.push((attribute(head, "name"), value));
            }
        } else if head.starts_with("select ") {
            fields.push((attribute(head, "name"), "\0".to_owned()));
        } else if head.starts_with("option ") {
            let chosen = fields.last_mut().expect("an option stands in a select");
            if chosen.1 == "\0" || head.contains(" selected") {
                chosen.1 = unescaped(&attribute(head, "value"));
            }
        } else if head.starts_with("textarea ") {
            let text = element.split_once('>').map_or("", |(_, text)| text);
            let text = text.strip_prefix('\n').unwrap_or(text);
            fields.push((attribute(head, "name"), unescaped(text)));
        }
    }
    fields
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&amp;", "&")
}

fn attribute(element: &str, name: &str) -> String {
    let value = element.split_once(&format!("{name}=\"")).map_or("", |(_, rest)| rest);
    value.split('"').next().unwrap_or_default().to_owned()
}

/// The fields as a browser writes them.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

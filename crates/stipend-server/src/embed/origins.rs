//! The sites whose pages may show the credits of customers.

use axum::http::HeaderValue;
use std::fmt;
use std::str::FromStr;

/// The sites that can be named.
pub const EMBED_ORIGINS_MAX: usize = 100;

/// A site: `https://app.example.com`, or `https://*.example.com` for all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedOrigin {
    /// `http` or `https`.
    scheme: &'static str,
    /// Whether any name below the host is meant, and not the host itself.
    is_below: bool,
    host: String,
    /// The port, where it is not the scheme's own.
    port: Option<u16>,
}

impl fmt::Display for EmbedOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.is_below { "*." } else { "" };
        write!(formatter, "{}://{star}{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

impl FromStr for EmbedOrigin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "an origin is a scheme and a host, such as https://app.example.com, \
                     https://*.example.com or http://localhost:3000, with nothing behind them";
        let text = text.to_ascii_lowercase();
        let (scheme, own_port, rest) = match text.split_once("://").ok_or(wrong)? {
            ("https", rest) => ("https", 443, rest),
            ("http", rest) => ("http", 80, rest),
            _ => return Err(wrong),
        };
        // The colons of an address of version 6 stand in brackets.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port_of(port).ok_or(wrong)?)),
            _ => (rest, None),
        };
        let below = host.strip_prefix("*.");
        let host = below.unwrap_or(host);
        // All of a top level is hardly what somebody means.
        let is_sound = is_name(host) && (below.is_none() || host.contains('.'))
            || below.is_none() && is_address(host);
        if !is_sound {
            return Err(wrong);
        }
        let port = port.filter(|port| *port != own_port);
        Ok(Self { scheme, is_below: below.is_some(), host: host.to_owned(), port })
    }
}

fn port_of(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_plain && *port > 0)
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let is_due = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(is_due)
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_address(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

impl EmbedOrigin {
    /// Whether a page of that origin, as browsers name it, is one of the site.
    fn has(&self, origin: &str) -> bool {
        let Ok(asked) = origin.parse::<Self>() else { return false };
        let same = self.scheme == asked.scheme && self.port == asked.port && !asked.is_below;
        let below = || asked.host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.'));
        // `.example.com` alone would be no host.
        same && if self.is_below { below() } else { self.host == asked.host }
    }
}

/// All of the sites; the server's own pages always may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origins {
    sites: Vec<EmbedOrigin>,
    policy: HeaderValue,
}

impl Origins {
    pub(crate) fn new(sites: Vec<EmbedOrigin>) -> Self {
        let frames = sites.iter().map(|site| format!(" {site}")).collect::<String>();
        let policy = format!(
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'self'{frames}"
        );
        let policy = HeaderValue::try_from(policy).expect("origins are plain ASCII");
        Self { sites, policy }
    }

    /// Whether scripts of a page of that origin may read.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().unwrap_or_default();
        self.sites.iter().any(|site| site.has(origin))
    }

    /// The policy of a page that these may frame: it loads its style, and nothing else.
    pub(crate) fn policy(&self) -> HeaderValue {
        self.policy.clone()
    }

    /// The sites.
    pub(crate) fn sites(&self) -> &[EmbedOrigin] {
        &self.sites
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_maybe_a_port() {
        for (text, shown) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://*.example.com", "https://*.example.com"),
        ] {
            let origin = text.parse::<EmbedOrigin>().expect(text);
            assert_eq!(origin.to_string(), shown, "{text}");
        }
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "//app.example.com",
            "ftp://app.example.com",
            "https://",
            "https://*",
            "https://*.com",
            "https://*.*.example.com",
            "https://a.*.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?query",
            "https://app.example.com#part",
            "https://user@app.example.com",
            "https://app.example.com:",
            "https://app.example.com:0",
            "https://app.example.com:+1",
            "https://app.example.com:65536",
            "https://app..example.com",
            "https://app.example.com; script-src *",
            "https://app.example.com,https://b.example.com",
            "https://app.example.com 'unsafe-inline'",
            "https://a\nb",
            "https://b\u{fc}cher.example",
            "https://[::1",
            "https://*.[::1]",
        ] {
            assert!(text.parse::<EmbedOrigin>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_page_is_of_a_site_by_scheme_host_and_port() {
        let check = |site: &str, origin: &str, expected: bool| {
            let origins = Origins::new(vec![site.parse().expect(site)]);
            let origin = HeaderValue::from_str(origin).expect(origin);
            assert_eq!(origins.allow(&origin), expected, "{site}: {origin:?}");
        };
        let site = "https://app.example.com";
        check(site, "https://app.example.com", true);
        for other in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://example.com",
            "https://a.app.example.com",
            "https://app.example.com.evil.example",
            "https://evilapp.example.com",
            "https://*.example.com",
            "null",
            "",
        ] {
            check(site, other, false);
        }
        let below = "https://*.example.com";
        check(below, "https://app.example.com", true);
        check(below, "https://a.b.example.com", true);
        for other in [
            "https://example.com",
            "https://evilexample.com",
            "https://.example.com",
            "https://*.example.com",
            "http://app.example.com",
        ] {
            check(below, other, false);
        }
        let local = "http://localhost:3000";
        check(local, "http://localhost:3000", true);
        check(local, "http://localhost", false);
    }

    #[test]
    fn the_policy_names_the_sites_that_may_frame() {
        let policy = |sites: &[&str]| {
            let sites = sites.iter().map(|site| site.parse().expect(site)).collect();
            let policy = Origins::new(sites).policy();
            policy.to_str().expect("it is ASCII").split("; ").last().unwrap_or_default().to_owned()
        };
        assert_eq!(policy(&[]), "frame-ancestors 'self'");
        assert_eq!(
            policy(&["https://a.example", "https://*.b.example:8443"]),
            "frame-ancestors 'self' https://a.example https://*.b.example:8443"
        );
    }
}

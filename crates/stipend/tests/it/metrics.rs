//! `/metrics` at an address of its own.

use crate::support::{Place, Serving};
use std::net::TcpListener;

/// The customers that the metrics at that address count.
fn customers(url: &str) -> String {
    let (status, body) = Serving::read(url);
    assert_eq!(status, 200, "{url}: {body}");
    let line = body.lines().find_map(|line| line.strip_prefix("stipend_customers "));
    line.unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[test]
fn without_an_address_of_their_own_metrics_are_where_the_api_is() {
    let place = Place::empty();
    let server = place.serve();
    assert_eq!(server.metrics, None);
    assert_eq!(customers(&format!("{}/metrics", server.url)), "0");
    server.stop();
}

#[test]
fn with_an_address_of_their_own_metrics_are_there_and_nothing_else_is() {
    let place = Place::empty();
    let server = place.serve_with(&[("STIPEND_METRICS_LISTEN", "127.0.0.1:0")]);
    let metrics = server.metrics.clone().expect("it says where they are");
    assert!(server.make_customer("acme"));
    assert_eq!(customers(&metrics), "1");
    let (status, body) = Serving::read(&format!("{}/metrics", server.url));
    assert_eq!((status, body.contains("not_found")), (404, true), "{body}");
    assert_eq!(Serving::read(&format!("{}/healthz", server.url)).0, 200);
    let base = metrics.strip_suffix("/metrics").expect("it ends so");
    for path in ["/", "/healthz", "/readyz", "/signin", "/api/v1/customers", "/openapi.json"] {
        assert_eq!(Serving::read(&format!("{base}{path}")).0, 404, "{path}");
    }
    // A stop is that of both.
    server.stop();
    let address = base.strip_prefix("http://").expect("it begins so");
    TcpListener::bind(address).expect("nobody listens there any more");
}

#[test]
fn the_file_says_where_metrics_are_too() {
    let place = Place::empty();
    let file = tempfile::NamedTempFile::new().expect("there is room");
    std::fs::write(file.path(), "metrics_listen = \"127.0.0.1:0\"\n").expect("there is room");
    let shown = file.path().to_str().expect("it is text");
    let server = place.serve_with(&[("STIPEND_CONFIG", shown)]);
    assert_eq!(customers(server.metrics.as_deref().expect("it says where they are")), "0");
    server.stop();
}

#[test]
fn an_address_that_is_taken_is_told_before_anything_is_made() {
    let place = Place::empty();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = taken.local_addr().map(|address| (taken, address.to_string()));
    let (_taken, address) = taken.expect("it has an address");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &address];
    let told = place.refused(&arguments, "", 2);
    let line = format!("stipend: cannot listen on {address} for the metrics: ");
    assert!(told.starts_with(&line), "{told}");
    assert!(place.files().is_empty(), "something was made");

    let listen = ["doctor", "--listen", "127.0.0.1:0", "--metrics-listen"];
    let looked = place.run(&[&listen[..], &[&address]].concat());
    assert_eq!(looked.code, Some(1), "{looked:?}");
    assert!(looked.out.contains(&format!("WRONG  metrics: {address}: ")), "{looked:?}");
    let said = place.done(&[&listen[..], &["127.0.0.1:0"]].concat());
    assert!(said.contains("ok     metrics: 127.0.0.1:0 is free\n"), "{said}");
    let said = place.done(&[&listen[..], &["0.0.0.0:0"]].concat());
    assert!(said.contains("they need no key"), "{said}");
    let said = place.done(&listen[..3]);
    assert!(said.contains("--metrics-listen 127.0.0.1:9464"), "{said}");
    for api in [address.clone(), address.replace("127.0.0.1", "0.0.0.0")] {
        let looked = place.run(&["doctor", "--listen", &api, "--metrics-listen", &address]);
        assert!(looked.out.contains("is where the API is; give them another"), "{looked:?}");
    }
}

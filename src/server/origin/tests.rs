use http::header::HOST;
use http::{HeaderMap, HeaderValue, Uri};
use proptest::prelude::*;

use super::*;

fn policy(yaml: &str) -> OriginPolicy {
    serde_saphyr::from_str(yaml).unwrap()
}

fn verdict(policy: &OriginPolicy, origins: &[&str], host: &str, secure: bool) -> Option<RefusalCode> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(host).unwrap());
    for origin in origins {
        headers.append(ORIGIN, HeaderValue::from_bytes(origin.as_bytes()).unwrap());
    }
    let uri = Uri::from_static("/echo");
    let request = RequestParts::new(&uri, &headers, [127, 0, 0, 1].into(), secure);
    policy.check(&request).err().map(|refusal| refusal.code)
}

fn allows(policy: &OriginPolicy, origin: &str) -> bool {
    verdict(policy, &[origin], "server.example", false).is_none()
}

#[test]
fn a41_e6_only_listed_origins_connect() {
    for yaml in [
        "allowed: 'https://app.example.com, https://*.example.org ,http://localhost:3000'",
        "allowed: [https://app.example.com, 'https://*.example.org', 'http://localhost:3000']",
    ] {
        let policy = policy(yaml);
        for origin in [
            "https://app.example.com",
            "HTTPS://APP.example.com:443",
            "https://a.example.org",
            "https://a.b.example.org",
            "http://localhost:3000",
        ] {
            assert!(allows(&policy, origin), "{origin}");
        }
        for origin in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.test",
            "https://app.example.com/",
            "https://app.example.com https://evil.test",
            "https://user@app.example.com",
            "https://example.org",
            "https://.example.org",
            "https://evilexample.org",
            "https://a.example.org:1",
            "http://localhost",
            "null",
            "",
            "*",
        ] {
            let found = verdict(&policy, &[origin], "server.example", false);
            assert_eq!(found, Some(RefusalCode::OriginRefused), "{origin}");
        }
    }
}

#[test]
fn e7_without_a_list_only_the_same_origin_connects() {
    let policy = OriginPolicy::default();
    for (origin, host, secure, same) in [
        ("http://chat.example", "chat.example", false, true),
        ("http://chat.example:80", "CHAT.example", false, true),
        ("http://chat.example", "chat.example:80", false, true),
        ("http://chat.example:8080", "chat.example:8080", false, true),
        ("http://[::1]:9001", "[::1]:9001", false, true),
        // A gateway ended TLS.
        ("https://chat.example", "chat.example", false, true),
        ("https://chat.example", "chat.example", true, true),
        ("http://chat.example", "chat.example", true, false),
        ("http://chat.example:8081", "chat.example:8080", false, false),
        ("http://other.example", "chat.example", false, false),
        ("http://sub.chat.example", "chat.example", false, false),
        ("null", "null", false, false),
    ] {
        let found = verdict(&policy, &[origin], host, secure);
        assert_eq!(found.is_none(), same, "{origin} at {host}");
    }
}

#[test]
fn clients_that_are_no_browsers_may_be_told_to_stay_away() {
    assert_eq!(verdict(&OriginPolicy::default(), &[], "a", false), None);
    let strict = policy("{allowed: '*', absent: refuse}");
    assert_eq!(
        verdict(&strict, &[], "a", false),
        Some(RefusalCode::OriginMissing)
    );
    assert_eq!(verdict(&strict, &["https://x.test"], "a", false), None);
}

#[test]
fn null_must_be_listed() {
    assert!(allows(&policy("allowed: ['null']"), "null"));
    assert!(allows(&OriginPolicy::any(), "null"));
    assert!(!allows(&policy("allowed: [https://a.test]"), "null"));
}

#[test]
fn two_origins_are_none() {
    let found = verdict(
        &OriginPolicy::any(),
        &["https://a.test", "https://a.test"],
        "a",
        false,
    );
    assert_eq!(found, Some(RefusalCode::OriginRefused));
}

#[test]
fn what_is_no_origin_is_no_entry() {
    for yaml in [
        "allowed: app.example.com",
        "allowed: ['https://']",
        "allowed: ['https://a.test/path']",
        "allowed: ['https://*']",
        "allowed: ['https://a.*.test']",
        "allowed: ['https://a.test:99999']",
        "origins: []",
    ] {
        assert!(serde_saphyr::from_str::<OriginPolicy>(yaml).is_err(), "{yaml}");
    }
}

proptest! {
    #[test]
    fn no_origin_makes_the_check_panic(origin in "\\PC{0,40}", host in "[!-~]{0,20}") {
        for policy in [OriginPolicy::default(), policy("allowed: ['https://*.a.test']")] {
            let headers = HeaderMap::new();
            let request = RequestParts {
                headers: &headers,
                query: None,
                authority: Some(&host),
                secure: false,
                client: [127, 0, 0, 1].into(),
            };
            policy.allows(&origin, &request);
        }
    }

    #[test]
    fn an_exact_entry_allows_itself_alone(host in "[a-z]{1,8}(\\.[a-z]{1,8}){0,2}", other in "[a-z.:/]{0,20}") {
        let entry = format!("https://{host}");
        let policy = OriginPolicy { allowed: vec![entry.parse().unwrap()], absent: AbsentOrigin::Allow };
        prop_assert!(allows(&policy, &entry));
        let other = format!("{entry}{other}");
        let same = other == entry || other == format!("{entry}:443");
        prop_assert_eq!(allows(&policy, &other), same);
    }
}

use serde_json::json;

use super::*;
use crate::server::auth::Method;

fn limiter(yaml: &str) -> UpgradeLimiter {
    UpgradeLimiter::new(&serde_saphyr::from_str(yaml).unwrap()).unwrap()
}

fn at(millis: u64) -> Moment {
    Moment::ZERO + Duration::from_millis(millis)
}

fn ip(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn user(subject: &str) -> Identity {
    Identity {
        method: Method::Jwt,
        subject: subject.to_owned(),
        claims: json!({"sub": subject, "tenant": 7}).as_object().cloned().unwrap(),
        subprotocol: None,
    }
}

/// How many of `attempts` upgrades at `now` are granted.
fn granted(
    limiter: &UpgradeLimiter,
    client: IpAddr,
    identity: Option<&Identity>,
    now: Moment,
    attempts: usize,
) -> usize {
    (0..attempts)
        .filter(|_| limiter.admit(client, identity, now).is_ok())
        .count()
}

#[test]
fn a23_a31_ten_upgrades_per_second_and_address() {
    let limiter = limiter("rate: 10/s");
    assert_eq!(granted(&limiter, ip(1), None, at(0), 30), 10);
    assert_eq!(granted(&limiter, ip(2), None, at(0), 30), 10);
    assert_eq!(granted(&limiter, ip(1), None, at(500), 30), 5);
    let refusal = limiter.admit(ip(1), None, at(500)).unwrap_err();
    assert_eq!((refusal.status(), refusal.code), (429, RefusalCode::RateLimited));
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(100)));
}

#[test]
fn a26_five_upgrades_per_second_and_subject() {
    let limiter = limiter("{per: {claim: sub}, rate: 5/s}");
    assert!(limiter.needs_identity());
    let (alice, bob) = (user("alice"), user("bob"));
    assert_eq!(granted(&limiter, ip(1), Some(&alice), at(0), 3), 3);
    assert_eq!(granted(&limiter, ip(2), Some(&alice), at(0), 9), 2);
    assert_eq!(granted(&limiter, ip(1), Some(&bob), at(0), 9), 5);
    assert_eq!(granted(&limiter, ip(1), Some(&alice), at(200), 9), 1);
}

#[test]
fn a_claim_that_is_no_text_counts_and_a_missing_one_leaves_the_address() {
    let tenants = limiter("{per: {claim: tenant}, rate: 1/s, burst: 2}");
    assert_eq!(granted(&tenants, ip(1), Some(&user("alice")), at(0), 1), 1);
    assert_eq!(granted(&tenants, ip(2), Some(&user("bob")), at(0), 5), 1);
    let missing = limiter("{per: {claim: nobody}, rate: 1/s}");
    assert_eq!(granted(&missing, ip(1), Some(&user("alice")), at(0), 5), 1);
    assert_eq!(granted(&missing, ip(1), None, at(0), 5), 0);
    assert_eq!(granted(&missing, ip(2), None, at(0), 5), 1);
}

#[test]
fn a24_api_keys_count_apart_from_other_methods() {
    let limiter = limiter("{per: identity, rate: 1/s}");
    let key = Identity {
        method: Method::ApiKey,
        ..user("key-1")
    };
    let basic = Identity {
        method: Method::Basic,
        ..user("key-1")
    };
    assert_eq!(granted(&limiter, ip(1), Some(&key), at(0), 2), 1);
    assert_eq!(granted(&limiter, ip(1), Some(&basic), at(0), 2), 1);
    let nameless = user("");
    assert_eq!(granted(&limiter, ip(1), Some(&nameless), at(0), 2), 1);
    assert_eq!(granted(&limiter, ip(2), Some(&nameless), at(0), 2), 1);
}

#[test]
fn a_flood_of_addresses_does_not_make_the_server_forget_who_insists() {
    let limiter = limiter("{rate: 1/m, subjects: 1k}");
    assert_eq!(granted(&limiter, ip(1), None, at(0), 1), 1);
    for number in 0..100_000_u32 {
        let address = IpAddr::from((0x1400_0000 + number).to_be_bytes());
        assert_eq!(granted(&limiter, address, None, at(0), 1), 1);
        if number % 50 == 0 {
            assert_eq!(
                granted(&limiter, ip(1), None, at(0), 1),
                0,
                "after {number} others"
            );
        }
    }
}

#[test]
fn configurations_are_read_strictly() {
    let read = |yaml: &str| serde_saphyr::from_str::<UpgradeLimitConfig>(yaml);
    let config = read("{per: {claim: sub}, rate: 300/m, burst: 7, subjects: 10}").unwrap();
    assert_eq!(config.per, UpgradeSubject::Claim("sub".to_owned()));
    assert_eq!((config.burst, config.subjects), (Some(7), Count(10)));
    for yaml in [
        "{}",
        "{rate: 10}",
        "{rate: 1/s, per: nobody}",
        "{rate: 1/s, per: {claim: a, b: c}}",
        "{rate: 1/s, x: 1}",
    ] {
        assert!(read(yaml).is_err(), "{yaml}");
    }
    assert!(UpgradeLimiter::new(&read("rate: 0/s").unwrap()).is_none());
}

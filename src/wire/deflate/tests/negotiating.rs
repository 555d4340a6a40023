//! RFC 7692 7.1: offers, answers, and what is refused.

use crate::wire::deflate::{
    ClientWindow, DeflateConfig, DeflateOffer, DeflateParamError, DeflateParams, DeflateResponseError,
    WindowBits, negotiate_deflate,
};
use crate::wire::extension::parse_extensions;

const OPEN: DeflateConfig = DeflateConfig {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: WindowBits::MAX,
    client_max_window_bits: WindowBits::MAX,
    level: 3,
};

fn bits(n: u8) -> WindowBits {
    WindowBits::new(n).unwrap()
}

fn answer_to(offers: &str, config: &DeflateConfig) -> Option<String> {
    let offers = parse_extensions(offers.as_bytes()).unwrap();
    negotiate_deflate(&offers, config).map(|accepted| accepted.response)
}

fn offer(params: &str) -> Result<DeflateOffer, DeflateParamError> {
    let text = format!("permessage-deflate{params}");
    DeflateOffer::from_extension(&parse_extensions(text.as_bytes()).unwrap()[0])
}

fn accept(offer: &DeflateOffer, params: &str) -> Result<DeflateParams, DeflateResponseError> {
    let text = format!("permessage-deflate{params}");
    offer.accept_response(&parse_extensions(text.as_bytes()).unwrap()[0])
}

#[test]
fn rfc7692_7_1_plain_offer_is_accepted_plainly() {
    assert_eq!(
        answer_to("permessage-deflate", &OPEN).unwrap(),
        "permessage-deflate"
    );
}

#[test]
fn rfc7692_7_1_first_valid_offer_wins() {
    let offers = "x-other; a=1, permessage-deflate; server_max_window_bits=10; bogus, \
                  permessage-deflate; server_max_window_bits=10, permessage-deflate";
    assert_eq!(
        answer_to(offers, &OPEN).unwrap(),
        "permessage-deflate; server_max_window_bits=10"
    );
}

#[test]
fn rfc7692_7_1_invalid_offers_are_declined() {
    for params in [
        "unknown",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=+9",
        "server_max_window_bits=1e1",
        "server_max_window_bits=9; server_max_window_bits=9",
        "client_max_window_bits=7",
        "client_max_window_bits=256",
        "client_max_window_bits=99999999999999999999",
        "client_max_window_bits; client_max_window_bits=9",
        "Server_No_Context_Takeover",
    ] {
        assert_eq!(
            answer_to(&format!("permessage-deflate; {params}"), &OPEN),
            None,
            "{params}"
        );
    }
    assert_eq!(answer_to("x-webkit-deflate-frame", &OPEN), None);
}

#[test]
fn rfc7692_7_1_1_takeover_is_given_up_on_demand_or_by_configuration() {
    let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(answer_to(both, &OPEN).unwrap(), both);
    assert_eq!(
        answer_to("permessage-deflate", &DeflateConfig::default()).unwrap(),
        both
    );
}

#[test]
fn rfc7692_7_1_2_1_server_window_is_the_smaller_one_and_repeated_on_demand() {
    let demand = |n: u8| format!("permessage-deflate; server_max_window_bits={n}");
    let ten = DeflateConfig {
        server_max_window_bits: bits(10),
        ..OPEN
    };
    assert_eq!(answer_to(&demand(15), &OPEN).unwrap(), demand(15));
    assert_eq!(answer_to(&demand(8), &OPEN).unwrap(), demand(8));
    assert_eq!(answer_to(&demand(12), &ten).unwrap(), demand(10));
    assert_eq!(answer_to("permessage-deflate", &ten).unwrap(), demand(10));
    assert_eq!(
        answer_to("permessage-deflate; server_max_window_bits=\"9\"", &OPEN).unwrap(),
        demand(9)
    );
}

#[test]
fn rfc7692_7_1_2_2_client_window_is_limited_only_if_offered() {
    let nine = DeflateConfig {
        client_max_window_bits: bits(9),
        ..OPEN
    };
    let answer = "permessage-deflate; client_max_window_bits=9";
    assert_eq!(
        answer_to("permessage-deflate", &nine).unwrap(),
        "permessage-deflate"
    );
    assert_eq!(
        answer_to("permessage-deflate; client_max_window_bits", &nine).unwrap(),
        answer
    );
    assert_eq!(
        answer_to("permessage-deflate; client_max_window_bits=12", &nine).unwrap(),
        answer
    );
    assert_eq!(
        answer_to("permessage-deflate; client_max_window_bits=8", &nine).unwrap(),
        "permessage-deflate; client_max_window_bits=8"
    );
    assert_eq!(
        answer_to("permessage-deflate; client_max_window_bits", &OPEN).unwrap(),
        "permessage-deflate"
    );
}

#[test]
fn rfc7692_7_1_offers_print_as_they_are_read() {
    for params in [
        "",
        "; server_no_context_takeover; client_no_context_takeover",
        "; server_max_window_bits=8; client_max_window_bits",
        "; client_no_context_takeover; client_max_window_bits=15",
    ] {
        assert_eq!(
            offer(params).unwrap().to_string(),
            format!("permessage-deflate{params}")
        );
    }
}

#[test]
fn rfc7692_7_1_1_1_a_demanded_parameter_must_be_answered() {
    let demanding = offer("; server_no_context_takeover").unwrap();
    assert_eq!(
        accept(&demanding, ""),
        Err(DeflateResponseError::Missing("server_no_context_takeover"))
    );
    assert!(
        accept(&demanding, "; server_no_context_takeover")
            .unwrap()
            .server_no_context_takeover
    );
    let demanding = offer("; server_max_window_bits=10").unwrap();
    assert_eq!(
        accept(&demanding, ""),
        Err(DeflateResponseError::Missing("server_max_window_bits"))
    );
}

#[test]
fn rfc7692_7_1_1_a_server_may_give_up_takeover_unasked() {
    let params = accept(
        &DeflateOffer::default(),
        "; server_no_context_takeover; client_no_context_takeover",
    )
    .unwrap();
    assert!(params.server_no_context_takeover && params.client_no_context_takeover);
}

#[test]
fn rfc7692_7_1_1_2_the_clients_own_hint_binds_it_without_an_answer() {
    let hinting = DeflateOffer {
        client_no_context_takeover: true,
        ..DeflateOffer::default()
    };
    assert!(accept(&hinting, "").unwrap().client_no_context_takeover);
}

#[test]
fn rfc7692_7_1_2_windows_in_the_answer_are_checked() {
    let asked = offer("; server_max_window_bits=10; client_max_window_bits=12").unwrap();
    let params = accept(&asked, "; server_max_window_bits=9; client_max_window_bits=11").unwrap();
    assert_eq!(
        (params.server_max_window_bits, params.client_max_window_bits),
        (bits(9), bits(11))
    );
    assert_eq!(
        accept(&asked, "; server_max_window_bits=10")
            .unwrap()
            .client_max_window_bits,
        bits(12)
    );
    assert_eq!(
        accept(&asked, "; server_max_window_bits=11"),
        Err(DeflateResponseError::WindowTooLarge {
            name: "server_max_window_bits",
            offered: bits(10),
            answered: bits(11)
        })
    );
    assert!(matches!(
        accept(&asked, "; server_max_window_bits=9; client_max_window_bits=13"),
        Err(DeflateResponseError::WindowTooLarge {
            name: "client_max_window_bits",
            ..
        })
    ));
    assert_eq!(
        accept(&DeflateOffer::default(), "; client_max_window_bits=10"),
        Err(DeflateResponseError::ClientWindowNotOffered)
    );
    let limitable = DeflateOffer {
        client_max_window_bits: ClientWindow::Limitable,
        ..DeflateOffer::default()
    };
    assert_eq!(
        accept(&limitable, "; client_max_window_bits=8")
            .unwrap()
            .client_max_window_bits,
        bits(8)
    );
    assert_eq!(
        accept(&limitable, "; server_max_window_bits=8")
            .unwrap()
            .server_max_window_bits,
        bits(8)
    );
}

#[test]
fn rfc7692_7_1_invalid_answers_fail_the_handshake() {
    let open = offer("; client_max_window_bits").unwrap();
    for params in [
        "; unknown",
        "; client_max_window_bits",
        "; server_max_window_bits",
        "; server_max_window_bits=16",
        "; client_max_window_bits=07",
        "; server_no_context_takeover=1",
        "; client_no_context_takeover; client_no_context_takeover",
    ] {
        assert!(
            matches!(accept(&open, params), Err(DeflateResponseError::Param(_))),
            "{params}"
        );
    }
}

#[test]
fn errors_name_the_parameter() {
    for (params, text) in [
        ("; x", "unknown parameter `x`"),
        (
            "; server_max_window_bits",
            "parameter `server_max_window_bits` lacks its value",
        ),
        (
            "; client_max_window_bits=16",
            "parameter `client_max_window_bits` cannot be `16`",
        ),
        (
            "; server_no_context_takeover; server_no_context_takeover",
            "parameter `server_no_context_takeover` appears twice",
        ),
    ] {
        assert_eq!(offer(params).unwrap_err().to_string(), text);
    }
}

use proptest::prelude::*;

use super::*;
use crate::scenario::yaml::{Located, decode, parse};

const CTX: RenderContext<'static> = RenderContext {
    client: 3,
    seq: 42,
    iteration: 7,
    unix_nanos: 1_700_000_000_123_456_789,
    mark: crate::scenario::Mark::NONE,
    values: None,
};

fn variables() -> Scope {
    let variable = |name: &str, text: &str, bare| {
        (
            name.to_owned(),
            Variable {
                text: text.to_owned(),
                bare,
            },
        )
    };
    let variables = [
        variable("size", "5", true),
        variable("flag", "true", true),
        variable("room", "a \"quoted\" room", false),
        variable("width", "1KiB", false),
    ];
    Scope {
        variables: variables.into(),
        ..Scope::default()
    }
}

fn rendered(template: &Template, seed: u64) -> String {
    let mut out = Vec::new();
    template.render(&CTX, &mut client_rng(seed, 0), &mut out);
    String::from_utf8(out).unwrap()
}

fn render(text: &str) -> String {
    rendered(&template(text, &variables()).unwrap(), 1)
}

fn render_json(yaml: &str) -> String {
    let tree = parse(yaml, 0).unwrap();
    let (json, problems) = decode::<Located<Json>>(&tree);
    assert_eq!(problems, []);
    let template = json
        .unwrap()
        .template(&variables(), &mut |_, error| panic!("{error}"));
    rendered(&template, 1)
}

#[test]
fn expressions_give_what_they_say() {
    for (text, expected) in [
        ("plain", "plain"),
        ("", ""),
        ("${client}/${seq}/${iteration}", "3/42/7"),
        ("${time_ms} ${time_us}", "1700000000123 1700000000123456"),
        ("${ seq }", "42"),
        ("${seq()}", "42"),
        (
            "${pad(seq, 8)}|${pad(seq, 1)}|${pad(client, size)}",
            "00000042|42|00003",
        ),
        ("${pad(random_int(-5, -5), 4)}", "-005"),
        ("${string(seq)}", "42"),
        ("${random_int(5, 5)}", "5"),
        (
            "${random_float(2.5, 2.5, 3)} ${random_float(-0.25, -0.25, 2)} ${random_float(4, 4, 0)}",
            "2.500 -0.25 4",
        ),
        ("${choice(a)} ${choice('b, }c')} ${choice( d )}", "a b, }c d"),
        ("${room} ${size}", "a \"quoted\" room 5"),
        ("$${seq} costs $5 and $$", "${seq} costs $5 and $$"),
        ("é${seq}ü", "é42ü"),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
    assert_eq!(render("${pad(seq, width)}").len(), 1024);
}

#[test]
fn random_expressions_stay_within_their_bounds_and_reach_them() {
    let template = template(
        "${random_int(-1, 1)} ${random_float(0, 0.2, 1)} ${choice(x, y)}",
        &variables(),
    )
    .unwrap();
    let mut rng = client_rng(5, 9);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let mut out = Vec::new();
        template.render(&CTX, &mut rng, &mut out);
        seen.insert(String::from_utf8(out).unwrap());
    }
    let expected: Vec<String> = ["-1", "0", "1"]
        .iter()
        .flat_map(|int| {
            ["0.0", "0.1", "0.2"]
                .iter()
                .map(move |float| format!("{int} {float}"))
        })
        .flat_map(|pair| ["x", "y"].iter().map(move |choice| format!("{pair} {choice}")))
        .collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn random_texts_have_their_length_and_alphabet() {
    let text = render("${random_string(100)}");
    assert!(
        text.len() == 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{text}"
    );
    let text = render("${random_hex(33)}");
    assert!(
        text.len() == 33 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{text}"
    );
    let uuid = render("${uuid}");
    let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
    assert_eq!((lengths, &uuid[14..15]), (vec![8, 4, 4, 4, 12], "4"));
    assert!("89ab".contains(&uuid[19..20]), "{uuid}");
}

#[test]
fn a_seed_gives_the_same_payloads_again_and_clients_differ() {
    let template = template(
        "${uuid} ${random_int(1, 1000000)} ${random_string(5)}",
        &variables(),
    )
    .unwrap();
    assert_eq!(rendered(&template, 7), rendered(&template, 7));
    assert_ne!(rendered(&template, 7), rendered(&template, 8));
    let of_client = |client| {
        let mut out = Vec::new();
        template.render(&CTX, &mut client_rng(7, client), &mut out);
        out
    };
    assert_ne!(of_client(0), of_client(1));
}

#[test]
fn json_keeps_numbers_and_escapes_texts() {
    for (yaml, expected) in [
        ("seq: ${seq}", r#"{"seq":42}"#),
        ("seq: ${string(seq)}", r#"{"seq":"42"}"#),
        ("seq: no. ${seq}", r#"{"seq":"no. 42"}"#),
        (
            "[\"${size}\", \"${flag}\", \"${room}\"]",
            r#"[5,true,"a \"quoted\" room"]"#,
        ),
        ("${pad(seq, 4)}", r#""0042""#),
        ("${choice('a\"b')}", r#""a\"b""#),
        (
            "{a: {b: [1, 2.5, null, true, \"x\\ny\"]}, \"c\\\"d\": \"\"}",
            r#"{"a":{"b":[1,2.5,null,true,"x\ny"]},"c\"d":""}"#,
        ),
        ("t: ${random_float(1.5, 1.5, 2)}", r#"{"t":1.50}"#),
        ("{}", "{}"),
    ] {
        assert_eq!(render_json(yaml), expected, "{yaml}");
        serde_json::from_str::<serde_json::Value>(&render_json(yaml)).unwrap();
    }
}

#[test]
fn lengths_bound_what_is_rendered() {
    for text in [
        "${seq}",
        "${pad(seq, 30)}x",
        "${random_int(-100, 5)}",
        "${random_float(-1.5, 20, 2)}",
        "${choice(a, bcd)}",
    ] {
        let template = template(text, &variables()).unwrap();
        let shortest: usize = template.parts().iter().map(|part| part.length().0).sum();
        for seed in 0..200 {
            let length = rendered(&template, seed).len();
            assert!(
                (shortest..=template.max_length()).contains(&length),
                "{text}: {length}"
            );
        }
    }
}

#[test]
fn rendering_allocates_nothing_once_the_buffer_has_grown() {
    let text = "${uuid}${random_string(50)}${random_float(1, 2, 3)}${pad(seq, 100)}${choice(a, b)}${random_int(1, 9)}";
    let template = template(text, &variables()).unwrap();
    let mut out = Vec::with_capacity(template.max_length());
    let before = out.as_ptr();
    template.render(&CTX, &mut client_rng(1, 1), &mut out);
    assert_eq!((out.as_ptr(), out.capacity()), (before, template.max_length()));
}

#[test]
fn errors_say_where_in_the_text() {
    for (text, offset) in [
        ("ab ${nope}", 5),
        ("é${x}", 4),
        ("${seq", 0),
        ("${pad(seq)}", 9),
        ("${seq} ${random_int(1, x)}", 23),
    ] {
        assert_eq!(template(text, &variables()).unwrap_err().offset, offset, "{text}");
    }
}

proptest! {
    #[test]
    fn a_text_without_expressions_renders_to_itself(text in any::<String>()) {
        prop_assume!(!text.contains("${"));
        let template = template(&text, &variables()).unwrap();
        prop_assert_eq!(template.as_literal(), Some(text.as_bytes()));
        prop_assert_eq!(rendered(&template, 1), text);
    }

    #[test]
    fn an_escaped_text_renders_to_the_text(text in "[a-z ${}]*") {
        // `$${` stands for `${`; a `$` before it would become part of another escape.
        prop_assume!(!text.contains("$$"));
        prop_assert_eq!(render(&text.replace("${", "$${")), text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in r"[${}(),' a-z0-9é]*") {
        let _ = template(&text, &variables());
    }

    #[test]
    fn a_pattern_accepts_what_its_template_renders(seq: u64, client: u64, width in 0_usize..30) {
        let template = template(&format!("a${{client}}-${{pad(seq, {width})}}."), &variables()).unwrap();
        let pattern = Pattern::of(&template).unwrap();
        let ctx = RenderContext { seq, client, ..CTX };
        let mut out = Vec::new();
        template.render(&ctx, &mut client_rng(1, 1), &mut out);
        prop_assert!(pattern.equals(&out, &ctx));
        let other = RenderContext { seq: seq ^ 1, ..ctx };
        prop_assert!(!pattern.equals(&out, &other));
    }
}

use super::*;

#[test]
fn what_is_kept_comes_back() {
    let record = GatewayRecord::new(
        ScenarioId::default(),
        Machine::default(),
        "2026-01-01T00:00:00Z".to_owned(),
        &[],
    );
    let text = record.to_json().unwrap();
    assert_eq!(GatewayRecord::from_json(&text).unwrap(), record);
    let half = &text[..text.len() / 2];
    assert!(matches!(
        GatewayRecord::from_json(half),
        Err(FormError::Truncated { .. })
    ));
}

#[test]
fn another_form_is_named() {
    let error = GatewayRecord::from_json(r#"{"schema":"wsbench.baseline/1"}"#).unwrap_err();
    assert!(error.to_string().contains("`wsbench.baseline/1`"), "{error}");
}

use super::*;

fn explained(text: &str) -> Explanation {
    explain(&Case::read(text.as_bytes()).unwrap(), &Catalogue::builtin())
}

#[test]
fn the_provider_is_recognized_by_what_only_it_says() {
    let rows = [
        ("AADSTS70043: The refresh token has expired", "microsoft"),
        (
            "POST https://oauth2.googleapis.com/token\n\nHTTP/1.1 400 x\n\n{\"error\":\"invalid_grant\"}",
            "google",
        ),
        (
            "POST https://acme.okta.com/oauth2/v1/token\n\nHTTP/1.1 400 x\n\n{\"error\":\"invalid_grant\"}",
            "okta",
        ),
        ("HTTP/1.1 400 x\nintuit_tid: 1-2\n\n{\"error\":\"invalid_grant\"}", "quickbooks"),
        ("{\"error\":\"invalid_grant\",\"error_subtype\":\"invalid_rapt\"}", "google"),
        ("[{\"message\":\"Session expired or invalid\",\"errorCode\":\"INVALID_SESSION_ID\"}]", "salesforce"),
    ];
    for (text, id) in rows {
        assert_eq!(explained(text).provider.map(|known| known.id).as_deref(), Some(id), "{text}");
    }
    assert_eq!(explained("{\"error\":\"invalid_grant\"}").provider, None);
    assert_eq!(explained("POST https://notokta.com.evil.example/\n\nHTTP/1.1 400 x\n\n{}").provider, None);
}

#[test]
fn nobody_is_sent_to_sign_in_before_that_is_known_to_help() {
    let explanation = explained("{\"error\":\"invalid_grant\"}");
    assert_eq!((explanation.cause, explanation.remedy), (Cause::Undetermined, Action::Other));
    assert_eq!(explanation.checks.len(), explanation.candidates.len());
    assert_eq!(explanation.permanent, Some(true));
}

#[test]
fn whether_it_can_pass_is_told_apart_within_one_cause() {
    let permanent = |observations: &str| {
        let line = format!("{{\"stage\":\"network\",\"body\":null,\"observations\":{observations}}}");
        explain(&Case::from_record(&line).unwrap(), &Catalogue::builtin()).permanent
    };
    assert_eq!(permanent("{\"transport_error\":\"x509: certificate has expired\"}"), Some(true));
    assert_eq!(permanent("{\"transport_error\":\"connection refused\"}"), Some(false));
}

#[test]
fn a_symptom_in_plain_words_is_explained() {
    let explanation = explained("token has expired and refresh failed");
    assert!(
        matches!(explanation.cause, Cause::RefreshTokenExpiredAbsolute | Cause::RefreshTokenExpiredIdle),
        "{explanation:?}"
    );
    assert_ne!(explanation.certainty, Certainty::Certain);
}

#[test]
fn causes_that_we_tell_apart_besides_are_named_by_the_wider_one() {
    let narrow = explained("invalid_grant: refresh token revoked because of suspicious activity");
    assert_eq!(narrow.cause, Cause::SuspiciousActivity);
    let wide = narrow.in_common_terms();
    assert_eq!(wide.candidates[..2], [Cause::AdminOrPolicyRevoked, Cause::SuspiciousActivity]);
    assert_eq!(wide.cause, Cause::AdminOrPolicyRevoked);
}

#[test]
fn the_text_for_people_keeps_its_width_and_says_everything() {
    let explanation =
        explained("{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS70043: expired\"}");
    let text = explanation.to_terminal(60, false);
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    for part in
        ["session_timed_out", "Microsoft Entra ID", "because", "can it pass", "never helps", "the user"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(explanation.to_terminal(60, true).starts_with("\u{1b}[1m"));
}

#[test]
fn every_cause_has_a_check_and_a_page() {
    for cause in Cause::all() {
        assert!(checks::of(cause).ends_with(['?', '.']) || checks::of(cause).contains("? "), "{cause}");
        assert!(problems::find(cause.as_str()).is_some(), "{cause}");
    }
}

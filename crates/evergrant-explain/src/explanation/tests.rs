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
    assert_eq!(explanation.cause, Cause::SessionTimedOut);
    assert_eq!(explanation.certainty, Certainty::Likely);
    assert!(explanation.evidence[1].contains("\"token has expired and refresh failed\""), "{explanation:?}");
}

/// `evergrant explain SENTENCE` and `/problems?q=SENTENCE` are two ways to one answer.
#[test]
fn a_sentence_alone_is_explained_as_the_search_ranks_it() {
    let (mut compared, catalogue) = (0, Catalogue::builtin());
    for problem in problems::all() {
        for sentence in problem.symptoms.iter().chain(&problem.questions).chain([&problem.title]) {
            let case = Case::read(sentence.as_bytes()).unwrap();
            let explanation = explain(&case, &catalogue);
            // What looks like a token is masked before anybody sees it.
            let whole = sentence::bare(&case) == Some(sentence);
            if !whole || explanation.certainty == Certainty::Certain {
                continue;
            }
            compared += 1;
            let ranked: Vec<_> =
                problems::search(sentence.as_str()).iter().map(|hit| hit.problem.id).collect();
            let named: Vec<_> = ranked.iter().filter(|cause| **cause != Cause::Undetermined).collect();
            let told: Vec<_> = explanation.candidates.iter().collect();
            let both = named.len().min(told.len()).min(3);
            assert_eq!(told[..both], named[..both], "{sentence}");
            assert!(
                explanation.cause == ranked[0] || explanation.cause == Cause::Undetermined,
                "{sentence}: {explanation:?}"
            );
        }
    }
    assert!(compared > 150, "{compared} sentences");
}

#[test]
fn where_several_pages_fit_a_sentence_nothing_is_decided() {
    let several = explained("Token has been expired or revoked.");
    assert_eq!(several.cause, Cause::Undetermined);
    assert!(several.candidates[..4].contains(&Cause::AppInTestingMode), "{several:?}");
    assert_eq!(explained("Refresh token has expired").cause, Cause::Undetermined);
    let vague = explained("my users get logged out every hour");
    assert_eq!((vague.cause, vague.certainty), (Cause::SessionTimedOut, Certainty::Possible));
    let told = explained("HTTP 503: token has expired and refresh failed");
    assert_eq!(told.cause, Cause::ProviderOutage, "a status is more than a sentence");
}

#[test]
fn what_passes_by_itself_is_never_called_permanent_for_want_of_a_body() {
    let permanent = |stage: &str, status: u16, body: &str| {
        let record = serde_json::json!({
            "stage": stage, "http_status": status, "body": body, "content_type": "text/html",
            "headers": {"Retry-After": "30"}, "observations": {},
        });
        explain(&Case::from_record(&record.to_string()).unwrap(), &Catalogue::builtin()).permanent
    };
    let portal = "<html><title>Welcome to our network</title></html>";
    for status in [200, 302, 303, 307, 408, 425, 429, 500, 502, 503, 504, 511, 520, 524] {
        for body in ["", portal] {
            assert_eq!(permanent("refresh_token", status, body), Some(false), "{status} {body}");
        }
    }
    for status in [408, 425, 429, 500, 503] {
        assert_eq!(permanent("api_call", status, ""), Some(false), "{status}");
    }
    assert_eq!(permanent("refresh_token", 308, ""), Some(true));
    assert_eq!(permanent("refresh_token", 404, ""), None, "a wrong address, or one that is being deployed");
}

#[test]
fn a_429_is_doubted_only_where_a_provider_is_known_to_mean_something_else() {
    let answer = "HTTP/1.1 429 Too Many Requests\nretry-after: 30\n\n";
    assert_eq!(explained(answer).permanent, Some(false));
    let at = |host: &str| explained(&format!("POST https://{host}/v1/oauth/token\n\n{answer}"));
    assert_eq!(at("idp.example").permanent, Some(false));
    assert_eq!(at("platform.claude.com").permanent, None);
}

#[test]
fn a_provider_is_recognized_by_what_its_own_file_says_of_it() {
    let mut catalogue = Catalogue::builtin();
    let acme = "id = 'acme'\nname = 'Acme'\n[recognition]\naliases = ['umbrella']\nhosts = ['acme.example']\n\
                headers = ['x-acme-trace']\nwords = ['the acme session is gone']";
    catalogue.overlay("acme", acme).unwrap();
    let rows = [
        "POST https://eu.login.acme.example/token\n\nHTTP/1.1 400 x\n\n{\"error\":\"invalid_grant\"}",
        "HTTP/1.1 400 x\nX-Acme-Trace: 1\n\n{\"error\":\"invalid_grant\"}",
        "invalid_grant: The ACME session is gone",
        "{\"provider\":\"Umbrella\",\"stage\":\"refresh_token\",\"body\":\"invalid_grant\"}",
    ];
    for text in rows {
        let case = Case::read(text.as_bytes()).unwrap();
        let known = explain(&case, &catalogue).provider.map(|known| known.id);
        assert_eq!(known.as_deref(), Some("acme"), "{text}");
        assert_eq!(explain(&case, &Catalogue::builtin()).provider, None, "{text}");
    }
}

#[test]
fn a_refresh_by_get_is_read_and_its_credentials_stay_in_it() {
    let exchange = "GET https://graph.facebook.com/v22.0/oauth/access_token?grant_type=fb_exchange_token\
                    &client_id=1&client_secret=hush-1234&fb_exchange_token=tok-5678 HTTP/1.1\n\n\
                    HTTP/1.1 400 Bad Request\ncontent-type: application/json\n\n\
                    {\"error\":{\"message\":\"no tok-5678 for hush-1234\",\"type\":\"OAuthException\",\"code\":190,\
                    \"error_subcode\":460}}";
    let explanation = explained(exchange);
    assert_eq!((explanation.stage, explanation.cause), (Stage::RefreshToken, Cause::PasswordChanged));
    assert_eq!(explanation.provider.as_ref().unwrap().id, "facebook");
    let shown = format!("{explanation:?}{}", explanation.to_terminal(80, false));
    assert!(!shown.contains("hush") && !shown.contains("5678"), "{shown}");
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

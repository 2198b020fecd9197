//! Authorization codes: single use, short life, bound to client, redirect and challenge.

use evergrant_rehearse::{PkcePair, PolicyName::P2, Reason, RevocationCause};

use crate::world::{REDIRECT, World, error, tokens};

#[test]
fn a_code_that_comes_twice_ends_what_it_brought() {
    let mut world = World::rotating(P2);
    let code = world.code("app", "alice", &[]);
    let brought = tokens(&world.redeem("app", &code)).unwrap();
    let replayed = world.redeem("app", &code);
    assert_eq!(error(&replayed), "invalid_grant");
    assert_eq!(world.last().reason, Some(Reason::ReplayedCode));
    assert_eq!(world.last().revoked[0].cause, RevocationCause::ReplayedCode);
    assert_eq!(world.refusal(&brought.refresh), Reason::FamilyRevoked(RevocationCause::ReplayedCode));
    assert_eq!(world.userinfo(&brought.access), 401);
}

#[test]
fn a_code_lives_as_long_as_it_says() {
    let mut world = World::rotating(P2);
    let code = world.code("app", "alice", &[]);
    world.advance_s(60);
    assert_eq!(error(&world.redeem("app", &code)), "invalid_grant");
    assert_eq!(world.last().reason, Some(Reason::ExpiredCode));
    let code = world.code("app", "alice", &[]);
    world.advance_s(59);
    assert_eq!(world.redeem("app", &code).status, 200);
}

#[test]
fn a_code_is_redeemed_only_with_its_verifier_redirect_and_client() {
    let pkce = PkcePair::example();
    let other = "a".repeat(43);
    for (client_id, redirect_uri, verifier, reason) in [
        ("rehearse-public", REDIRECT, Some(other.as_str()), Reason::PkceMismatch),
        ("rehearse-public", REDIRECT, Some("short"), Reason::PkceMismatch),
        ("rehearse-public", REDIRECT, None, Reason::PkceMismatch),
        (
            "rehearse-public",
            "http://127.0.0.1:5001/callback",
            Some(&pkce.verifier),
            Reason::RedirectUriMismatch,
        ),
        ("rehearse-public", "", Some(&pkce.verifier), Reason::RedirectUriMismatch),
        ("stranger", REDIRECT, Some(&pkce.verifier), Reason::CodeOfOtherClient),
    ] {
        let mut world = World::demonstration();
        world.provider.add_client(evergrant_rehearse::ClientSettings::public("stranger")).unwrap();
        let code = world.code("rehearse-public", "alice", &[]);
        let mut fields = vec![
            ("client_id", client_id),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", redirect_uri),
        ];
        fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        assert_eq!(error(&world.token(&fields)), "invalid_grant");
        assert_eq!(world.last().reason, Some(reason));
        assert_eq!(
            world.redeem("rehearse-public", &code).status,
            200,
            "a refused request leaves the code alone"
        );
    }
}

#[test]
fn a_verifier_without_a_challenge_is_a_downgrade() {
    let mut world = World::rotating(P2);
    world.provider.change_client("app", |client| client.requires_pkce = false).unwrap();
    let code = world.code("app", "alice", &[("code_challenge", ""), ("code_challenge_method", "")]);
    assert_eq!(error(&world.redeem("app", &code)), "invalid_grant");
    assert_eq!(world.last().reason, Some(Reason::UnexpectedCodeVerifier));
}

#[test]
fn an_unknown_code_is_an_invalid_grant() {
    let mut world = World::rotating(P2);
    assert_eq!(error(&world.redeem("app", "code_none")), "invalid_grant");
    assert_eq!(world.last().reason, Some(Reason::UnknownCode));
}

#[test]
fn a_refresh_token_comes_only_with_offline_access_or_if_configured() {
    let mut world = World::demonstration();
    let code = world.code("rehearse-public", "alice", &[("scope", "openid")]);
    assert_eq!(tokens(&world.redeem("rehearse-public", &code)).unwrap().refresh, "");
    assert_ne!(world.sign_in("rehearse-public", "alice").refresh, "");
    let mut world = World::rotating(P2);
    let code = world.code("app", "alice", &[("scope", "openid")]);
    assert_ne!(tokens(&world.redeem("app", &code)).unwrap().refresh, "");
}

#[test]
fn a_token_response_says_what_rfc_6749_wants() {
    let mut world = World::rotating(P2);
    let code = world.code("app", "alice", &[("nonce", "n1")]);
    let response = world.redeem("app", &code);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = response.to_json().unwrap();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["scope"], "openid offline_access");
    assert_eq!(body["tid"], "acme");
    assert!(body["id_token"].as_str().unwrap().split('.').count() == 3);
}

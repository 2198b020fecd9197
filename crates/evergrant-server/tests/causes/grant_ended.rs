//! The provider ended what it had given.

use evergrant::proto::diagnosis::Cause;
use evergrant_rehearse::{ClientSettings, Lifetimes, PolicyName, RevocationCause};

use crate::row::{Row, Said};

const DAY: u64 = 86_400;

pub(crate) fn rows() -> Vec<Row> {
    [by_the_user(), by_others(), by_age()].into_iter().flatten().collect()
}

fn by_the_user() -> Vec<Row> {
    vec![
        password_changed(),
        password_changed().worded(
            "family_revoked:password_changed",
            "invalid_grant",
            "AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed. The \
             user might have changed or reset their password.",
        ),
        consent_withdrawn(),
        consent_withdrawn().worded(
            "family_revoked:user_revoked",
            "invalid_grant",
            "The user has revoked access to the application",
        ),
        session_ended(),
        session_ended().worded("family_revoked:session_ended", "invalid_grant", "Session not active"),
    ]
}

fn password_changed() -> Row {
    Row::new(Cause::PasswordChanged, "the user changes the password", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            play.provide(|provider, now| provider.change_password(&play.id(), now)).unwrap();
            play.refused(&grant).await
        })
    })
}

fn consent_withdrawn() -> Row {
    Row::new(Cause::UserRevoked, "the user withdraws the consent", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            play.provide(|provider, now| provider.revoke_consent(&play.id(), None, now)).unwrap();
            play.refused(&grant).await
        })
    })
}

fn session_ended() -> Row {
    let row = Row::new(Cause::SessionTimedOut, "the session ends in which the user signed in", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            let cause = RevocationCause::SessionEnded;
            play.provide(|provider, now| provider.end_grants_of_user(&play.id(), cause, now)).unwrap();
            play.refused(&grant).await
        })
    });
    row.knowing("lifetimes.ended_by = ['session_timed_out']")
}

fn by_others() -> Vec<Row> {
    vec![
        administrator(),
        administrator_of_all(),
        administrator().worded(
            "family_revoked:administrator",
            "invalid_grant",
            "The token was revoked by an administrator",
        ),
        account_disabled(),
        account_disabled().worded("user_disabled", "invalid_grant", "User disabled"),
        suspicious_activity(),
        suspicious_activity().worded(
            "family_revoked:suspicious_activity",
            "invalid_grant",
            "Suspicious activity was detected on the account",
        ),
        too_many_grants(),
        too_many_grants().worded(
            "family_revoked:token_limit",
            "invalid_grant",
            "The maximum number of tokens for this user has been exceeded",
        ),
        Row::new(
            Cause::MfaOrConditionalAccessRequired,
            "a policy demands a further factor from now on",
            |play| {
                Box::pin(async move {
                    let grant = play.connected().await;
                    play.provide(|provider, _| {
                        provider.change_user(&play.id(), |user| user.step_up_required = true)
                    })
                    .unwrap();
                    play.refused(&grant).await
                })
            },
        )
        .decidable(),
    ]
}

fn administrator() -> Row {
    Row::new(Cause::AdminOrPolicyRevoked, "an administrator ends the grant", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            let cause = RevocationCause::Administrator;
            play.provide(|provider, now| provider.end_grants_of_user(&play.id(), cause, now)).unwrap();
            play.refused(&grant).await
        })
    })
}

fn administrator_of_all() -> Row {
    let played = "an administrator ends the grants of all users within minutes, and the third is asked for";
    Row::new(Cause::AdminOrPolicyRevoked, played, |play| {
        Box::pin(async move {
            let mut grants = vec![play.connected().await];
            let others = [play.neighbour(), play.other_neighbour()];
            for user in &others {
                grants.push(play.connect(user).await);
            }
            for user in others.iter().chain([&play.id()]) {
                let cause = RevocationCause::Administrator;
                play.provide(|provider, now| provider.end_grants_of_user(user, cause, now)).unwrap();
            }
            play.stage.advance(400);
            play.stage.keeper.settled().await;
            let mut said = Vec::new();
            for grant in &grants {
                said.push(play.asked(grant).await);
            }
            // The scheduler has found out about all of them, in an order of its own: the last of them saw the others.
            let seen =
                |said: &Said| said.evidence.iter().any(|sentence| sentence.starts_with("2 other grants"));
            let last = said.into_iter().find(seen);
            let last = last.unwrap_or_else(|| panic!("{}: nobody saw the others", play.row.played));
            assert_eq!(last.alternatives[0], Cause::AdminOrPolicyRevoked, "{last:?}");
            last
        })
    })
}

fn account_disabled() -> Row {
    let row = Row::new(Cause::AccountDisabled, "the account is switched off", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            play.provide(|provider, _| provider.change_user(&play.id(), |user| user.enabled = false))
                .unwrap();
            play.refused(&grant).await
        })
    });
    row.knowing("lifetimes.ended_by = ['account_disabled']")
}

fn suspicious_activity() -> Row {
    let row = Row::new(Cause::SuspiciousActivity, "the provider suspects an attack", |play| {
        Box::pin(async move {
            let grant = play.connected().await;
            let cause = RevocationCause::SuspiciousActivity;
            play.provide(|provider, now| provider.end_grants_of_user(&play.id(), cause, now)).unwrap();
            play.refused(&grant).await
        })
    });
    row.knowing("lifetimes.ended_by = ['suspicious_activity']")
}

fn too_many_grants() -> Row {
    let row = Row::new(
        Cause::TokenLimitExceeded,
        "the user connects a third time where two grants are allowed",
        |play| {
            Box::pin(async move {
                let grant = play.connected().await;
                for _ in 0..2 {
                    play.connect(&play.id()).await;
                }
                play.refused(&grant).await
            })
        },
    );
    row.knowing("lifetimes.live_tokens = 2").registered(|mut client| {
        client.grants_per_user = Some(2);
        client
    })
}

fn by_age() -> Vec<Row> {
    vec![
        Row::new(
            Cause::RefreshTokenExpiredIdle,
            "the server is off for 40 days, an unused refresh token lives for 30",
            |play| {
                Box::pin(async move {
                    let grant = play.connected().await;
                    play.stage.advance(40 * DAY);
                    play.refused(&grant).await
                })
            },
        )
        .decidable()
        .knowing("lifetimes.idle = 2592000"),
        Row::new(
            Cause::RefreshTokenExpiredAbsolute,
            "an authorization lives for 60 days, and it is refreshed every 20",
            |play| {
                Box::pin(async move {
                    let grant = play.connected().await;
                    for _ in 0..2 {
                        play.stage.advance(20 * DAY);
                        play.token(&grant).await;
                    }
                    play.stage.advance(20 * DAY);
                    play.refused(&grant).await
                })
            },
        )
        .decidable()
        .knowing("lifetimes.idle = 2592000\nlifetimes.absolute = 5184000")
        .registered(|client| living(client, 60)),
        Row::new(
            Cause::AppInTestingMode,
            "the application is not published, its grants live for 7 days, and it is refreshed every day",
            |play| {
                Box::pin(async move {
                    let grant = play.connected().await;
                    for _ in 0..6 {
                        play.stage.advance(DAY);
                        play.token(&grant).await;
                    }
                    play.stage.advance(DAY);
                    play.refused(&grant).await
                })
            },
        )
        .decidable()
        .knowing("lifetimes.testing = 604800\nrotation.kind = 'reusable'")
        .registered(|client| living(client, 7).rotating(PolicyName::P0)),
    ]
}

fn living(client: ClientSettings, days: u64) -> ClientSettings {
    client.living(Lifetimes { refresh_absolute_s: Some(days * DAY), ..Lifetimes::default() })
}

//! Why a connection ended, for the person whose account it is: one sentence without a word of the protocol. Developers
//! have `Cause::meaning` and the pages of problems.

use evergrant::proto::diagnosis::{Cause, Diagnosis};

/// That nothing decides between several causes helps nobody: then the likeliest is named as what it is.
pub(crate) fn why(diagnosis: &Diagnosis, provider: &str) -> String {
    match diagnosis.alternatives.first() {
        Some(likeliest) if diagnosis.cause == Cause::Undetermined => {
            format!("{provider} does not say. It may be this: {}", sentence(*likeliest, provider))
        }
        _ => sentence(diagnosis.cause, provider),
    }
}

fn sentence(cause: Cause, provider: &str) -> String {
    use Cause as C;
    match cause {
        C::AccessTokenExpired => "The access has run out, as it does after a while.".to_owned(),
        C::AccountDisabled => format!("Your {provider} account is switched off, or no longer there."),
        C::AdminOrPolicyRevoked => format!("An administrator, or a rule of {provider}, ended the access."),
        C::AppDisabledByOrganization => {
            format!("Your organization does not let this app use {provider} at the moment.")
        }
        C::AppInTestingMode => {
            format!("{provider} ends the access of an app that is still being tested after a few days.")
        }
        C::AuthorizationPending => format!("You have not finished at {provider} yet."),
        C::CodeExpired => format!("It took too long to come back from {provider}."),
        C::ConsentRequired => format!("{provider} wants to hear from you that this app may have access."),
        C::IpOrNetworkPolicyBlocked => {
            format!("{provider} does not accept requests from where this app runs.")
        }
        C::MfaOrConditionalAccessRequired => {
            format!("{provider} wants you to sign in again, with a second factor or a device that it trusts.")
        }
        C::MissingOfflineScope | C::MissingRefreshToken => {
            format!("{provider} gave access for a short time only, and that time is over.")
        }
        C::NetworkOrTls | C::ProviderOutage | C::RateLimited => {
            format!("{provider} could not be reached, or had too much to do.")
        }
        C::PasswordChanged => {
            format!("Your {provider} password was changed, and that ends older connections.")
        }
        C::RefreshTokenExpiredAbsolute => {
            format!("{provider} asks for a new sign-in after a certain time, and that time is over.")
        }
        C::RefreshTokenExpiredIdle => {
            format!("The connection was not used for long, so {provider} ended it.")
        }
        C::SessionTimedOut => {
            format!("Your session at {provider} is over, and the connection ended with it.")
        }
        C::SuspiciousActivity => format!("{provider} ended the access because something looked unusual."),
        C::TokenLimitExceeded => {
            format!("Your account was connected so often that {provider} dropped this connection.")
        }
        C::Undetermined => format!("{provider} ended the access and does not say why."),
        C::UserRevoked => format!("The access was taken back in the settings of your {provider} account."),
        C::WrongUserCredentials => format!("{provider} did not accept the name or the password."),
        C::CodeReused | C::ConcurrentRefreshRace | C::LostRotationNotPersisted | C::RotatedTokenReused => {
            format!("The app and {provider} lost track of each other. Signing in again puts that right.")
        }
        C::ClientDisabledOrDeleted
        | C::ClientSecretExpiredOrRotated
        | C::ClockSkew
        | C::MalformedRequest
        | C::PkceMismatch
        | C::RedirectUriMismatch
        | C::ScopeProblem
        | C::TokenIssuedToOtherClient
        | C::UnknownBug
        | C::WrongClientCredentials
        | C::WrongTokenEndpointOrTenant => {
            format!("Something between this app and {provider} is not set up right. It is not your doing.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_told_in_short_without_a_word_of_the_protocol() {
        for cause in Cause::all() {
            let told = sentence(cause, "Rehearsal");
            assert!(told.ends_with('.') && told.len() < 120, "{told}");
            let lower = told.to_lowercase();
            for word in ["token", "client", "grant", "oauth", "scope", "refresh", "redirect"] {
                assert!(!lower.contains(word), "{cause}: {told}");
            }
        }
    }
}

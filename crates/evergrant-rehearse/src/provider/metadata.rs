//! What the provider says about itself (RFC 8414, OpenID Connect Discovery) and its public key.

use serde_json::json;

use super::{Call, GrantType, Method, Provider, Response, refusal::Refusal};

impl Provider {
    /// One document for both specifications.
    pub(super) fn metadata(&self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        call.allow(&[Method::Get])?;
        let endpoint = |path: &str| format!("{}{path}", self.issuer);
        let confidential = ["client_secret_basic", "client_secret_post"];
        Ok(cacheable(&json!({
            "issuer": self.issuer,
            "authorization_endpoint": endpoint("/authorize"),
            "token_endpoint": endpoint("/token"),
            "device_authorization_endpoint": endpoint("/device_authorization"),
            "revocation_endpoint": endpoint("/revoke"),
            "introspection_endpoint": endpoint("/introspect"),
            "userinfo_endpoint": endpoint("/userinfo"),
            "jwks_uri": endpoint("/jwks"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": GrantType::ALL.map(|(name, _)| name),
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "introspection_endpoint_auth_methods_supported": confidential,
            "authorization_response_iss_parameter_supported": true,
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "name", "email", "tid"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
        })))
    }

    /// The key that ID tokens are verified with.
    pub(super) fn jwks(&self, call: &mut Call<'_>) -> Result<Response, Refusal> {
        call.allow(&[Method::Get])?;
        Ok(cacheable(&json!({ "keys": [self.signing_key.jwk()] })))
    }
}

/// Public, and the same until the provider starts anew.
fn cacheable(body: &serde_json::Value) -> Response {
    let answer = Response { body: body.to_string().into_bytes(), ..Response::empty(200) };
    answer.with_header("content-type", "application/json").with_header("cache-control", "max-age=60")
}

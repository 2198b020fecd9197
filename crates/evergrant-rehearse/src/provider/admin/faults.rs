//! `/admin/faults`.

use serde::Deserialize;
use serde_json::json;

use super::{Provider, Refused, Request, Response, body, changed, no_such_route, number};
use crate::provider::{FaultId, Method};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    count: Option<usize>,
}

impl Provider {
    pub(super) fn administer_faults(
        &mut self,
        path: &[&str],
        request: &Request,
    ) -> Result<Response, Refused> {
        match (path, request.method) {
            ([], Method::Get) => {
                let faults: Vec<_> = self.faults().collect();
                Ok(Response::json(200, &json!({ "faults": faults })))
            }
            ([], Method::Post) => {
                let id = self.add_fault(body(request)?)?;
                Ok(Response::json(201, &json!({ "id": id })))
            }
            ([], Method::Delete) => {
                self.clear_faults();
                Ok(changed())
            }
            ([id], Method::Get) => {
                let fault = self.fault(FaultId(number(id)?)).ok_or_else(no_such_fault)?;
                Ok(Response::json(200, fault))
            }
            ([id], Method::Delete) => {
                if self.remove_fault(FaultId(number(id)?)) {
                    Ok(changed())
                } else {
                    Err(no_such_fault())
                }
            }
            ([id, "release"], Method::Post) => {
                let (id, release): (_, Release) = (FaultId(number(id)?), body(request)?);
                self.fault(id).ok_or_else(no_such_fault)?;
                Ok(Response::json(200, &json!({ "released": self.release(id, release.count) })))
            }
            _ => Err(no_such_route()),
        }
    }
}

fn no_such_fault() -> Refused {
    Refused(404, "there is no such fault".into())
}

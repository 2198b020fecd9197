//! Finding grants: by filter, by date, by change.

use std::collections::BTreeMap;

use evergrant_proto::{grant::GrantRecord, name::GrantId, time::Timestamp};
use rusqlite::{Connection, ToSql, params, params_from_iter, types::Value};

use super::{
    codec::{counter, grant_id, id, integer, parse, rows},
    identity,
};
use crate::store::{Changes, GrantFilter, StoreError};

/// Grants by filter, in the order of their ids; without what is sealed and without attempts.
pub(super) fn grants(connection: &Connection, filter: &GrantFilter) -> Result<Vec<GrantRecord>, StoreError> {
    let (condition, mut values) = condition(filter);
    values.push(Value::Integer(rows(filter.limit)));
    let limit = values.len();
    let sql = format!("SELECT record, next_due_at FROM grants WHERE {condition} ORDER BY id LIMIT ?{limit}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement
        .query_map(params_from_iter(values.iter().map(|value| value as &dyn ToSql)), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let open = |(record, next_due_at): (String, Option<i64>)| {
        let mut grant: GrantRecord = parse("a grant", &record)?;
        grant.next_due_at = next_due_at.map(Timestamp);
        Ok(grant)
    };
    rows.into_iter().map(open).collect()
}

fn condition(filter: &GrantFilter) -> (String, Vec<Value>) {
    let mut values = vec![Value::Text(filter.namespace.as_str().to_owned())];
    let mut condition = "removed = 0 AND namespace = ?1".to_owned();
    let mut equals = |sql: &str, value: Value| {
        values.push(value);
        condition.push_str(&sql.replace("{}", &format!("?{}", values.len())));
    };
    if let Some(after) = filter.after {
        equals(" AND id > {}", Value::Blob(id(after.0).to_vec()));
    }
    if let Some(client) = &filter.client {
        equals(" AND client = {}", Value::Text(client.as_str().to_owned()));
    }
    if let Some(state) = &filter.state {
        equals(" AND state = {}", Value::Text(state.clone()));
    }
    if let Some(external_id) = &filter.external_id {
        equals(" AND external_id = {}", Value::Text(external_id.clone()));
    }
    for (label, value) in &filter.labels {
        equals(
            " AND id IN (SELECT grant_id FROM labels WHERE namespace = ?1 AND label = {}",
            Value::Text(label.clone()),
        );
        equals(" AND value = {})", Value::Text(value.clone()));
    }
    (condition, values)
}

/// How many grants are in each state. The triggers of the schema keep count.
pub(super) fn by_state(connection: &Connection) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut statement = connection.prepare_cached(BY_STATE)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, counter(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

const BY_STATE: &str = "SELECT state, grants FROM grant_states";

/// Grants due at `until` or before, the longest due first.
pub(super) fn due(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<GrantId>, StoreError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let ids = statement.query_map(params![until.0, rows(limit)], |row| row.get(0).map(grant_id))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

const DUE: &str = "SELECT id FROM grants WHERE next_due_at <= ?1 ORDER BY next_due_at, id LIMIT ?2";

/// Grants changed after a change number.
pub(super) fn changed_since(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Changes, StoreError> {
    let newest = identity::read(connection)?.change;
    if newest <= after {
        return Ok(Changes { grants: Vec::new(), next: after });
    }
    let mut statement = connection
        .prepare_cached("SELECT id, change FROM grants WHERE change > ?1 ORDER BY change, id LIMIT ?2")?;
    let rows = statement
        .query_map(params![integer(after), rows(limit)], |row| {
            Ok((grant_id(row.get(0)?), counter(row.get(1)?)))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let next = match rows.last() {
        Some((_, last)) if rows.len() == limit => *last,
        _ => newest,
    };
    Ok(Changes { grants: rows.into_iter().map(|(grant, _)| grant).collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_the_states_reads_a_row_for_each_and_no_grant() {
        let connection = Connection::open_in_memory().unwrap();
        for schema in [include_str!("schema.sql"), include_str!("schema_4.sql")] {
            connection.execute_batch(schema).unwrap();
        }
        let sql = format!("EXPLAIN QUERY PLAN {BY_STATE}");
        let plan: String = connection.query_row(&sql, [], |row| row.get(3)).unwrap();
        assert_eq!(plan, "SCAN grant_states");
    }

    #[test]
    fn a_tick_reads_the_index_of_due_grants_and_nothing_else() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        let plan: String = connection
            .query_row(&format!("EXPLAIN QUERY PLAN {DUE}"), params![0, 1], |row| row.get(3))
            .unwrap();
        assert_eq!(plan, "SEARCH grants USING COVERING INDEX grants_due (next_due_at<?)");
    }
}

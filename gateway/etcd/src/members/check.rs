//! Can the members be used? For `yanma check`, and each second while the store is followed.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::client::{CallError, Member, Members};
use crate::{limits::STATUS_PATIENCE, messages::StatusResponse, settings::Settings};

/// The oldest patch of these lines that neither reads stale nor loses events of a watch.
const PATCHES: [(u32, u32, u32); 2] = [(3, 5, 32), (3, 6, 12)];
const ALLOWED: &str = "3.5.32, 3.6.12 or later of these lines, or 3.7 and later";

/// What one member says of itself.
#[derive(Clone, Debug)]
pub struct MemberReport {
    /// As it was configured.
    pub name: String,
    /// `3.5.32`; empty if it cannot be asked.
    pub version: String,
    /// The cluster's id; 0 if it cannot be asked.
    pub cluster: u64,
    /// Why its answers do not count; `None`: they do.
    pub fault: Option<String>,
}

/// Asks each member once, for at most 0.9 s. The order is that of the configuration.
///
/// Members of one store have one `cluster`. Cancel safe.
pub async fn check(settings: &Settings) -> Vec<MemberReport> {
    let members = Arc::new(Members::new(settings));
    reports(&members, settings.any_version).await
}

/// The members, with those that answer known to count or not.
pub(crate) async fn connected(settings: &Settings) -> Arc<Members> {
    let members = Arc::new(Members::new(settings));
    let reports = reports(&members, settings.any_version).await;
    for (member, report) in members.list().iter().zip(reports) {
        member.set_counts(report.fault.is_none());
    }
    members
}

pub(crate) async fn reports(members: &Arc<Members>, any_version: bool) -> Vec<MemberReport> {
    let mut asking = JoinSet::new();
    for index in 0..members.list().len() {
        let members = Arc::clone(members);
        asking.spawn(async move { (index, report(&members, index, any_version).await) });
    }
    let mut reports = asking.join_all().await;
    reports.sort_by_key(|(index, _)| *index);
    reports.into_iter().filter_map(|(_, report)| report).collect()
}

async fn report(members: &Members, index: usize, any_version: bool) -> Option<MemberReport> {
    let member: &Member = members.list().get(index)?;
    let name = member.name().to_owned();
    Some(match member.status(STATUS_PATIENCE).await {
        Ok(status) => {
            let cluster = status.header.as_ref().map_or(0, |header| header.cluster_id);
            let fault = fault(&status, any_version);
            MemberReport { name, version: status.version, cluster, fault }
        }
        Err(error) => MemberReport {
            name,
            version: String::new(),
            cluster: 0,
            fault: Some(match error {
                CallError::Silent(_) => "it does not answer".to_owned(),
                CallError::Failed { why, .. } => format!("it cannot be asked: {why}"),
                error => error.to_string(),
            }),
        },
    })
}

fn fault(status: &StatusResponse, any_version: bool) -> Option<String> {
    let id = status.header.as_ref().map_or(0, |header| header.member_id);
    if status.errors.iter().any(|error| is_corrupt(error, id)) {
        return Some("it has the alarm CORRUPT".to_owned());
    }
    if !any_version && !is_trusted(&status.version) {
        let version = &status.version;
        return Some(format!("version {version} may lose changes; allowed: {ALLOWED}"));
    }
    None
}

/// `memberID:123 alarm:CORRUPT`. An alarm that names no member counts for each.
fn is_corrupt(error: &str, member: u64) -> bool {
    let names = error.split_whitespace().find_map(|word| word.strip_prefix("memberID:"));
    let is_other = names.and_then(|id| id.parse().ok()).is_some_and(|id: u64| id != member);
    error.contains("CORRUPT") && !is_other
}

fn is_trusted(version: &str) -> bool {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = release.split('.').map(|part| part.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor)), Some(Some(patch))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let line = PATCHES.iter().find(|line| (line.0, line.1) == (major, minor));
    line.map_or((major, minor) >= (3, 7), |line| patch >= line.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::ResponseHeader;

    #[test]
    fn only_versions_that_lose_nothing_count() {
        for version in ["3.5.32", "3.5.40", "3.6.12", "3.7.0", "3.10.1", "4.0.0", "3.7.0-rc.1"] {
            assert!(is_trusted(version), "{version}");
        }
        for version in ["3.4.23", "3.5.31", "3.6.0", "3.6.11", "2.9.9", "", "3.7", "x"] {
            assert!(!is_trusted(version), "{version}");
        }
    }

    #[test]
    fn a_member_with_the_alarm_does_not_count() {
        let status = |error: &str| StatusResponse {
            header: Some(ResponseHeader { member_id: 5, ..ResponseHeader::default() }),
            version: "3.4.23".to_owned(),
            errors: vec![error.to_owned()],
            leader: 5,
        };
        assert!(fault(&status("memberID:5 alarm:CORRUPT "), true).is_some());
        assert!(fault(&status("alarm:CORRUPT "), true).is_some());
        assert_eq!(fault(&status("memberID:6 alarm:CORRUPT "), true), None);
        assert_eq!(fault(&status("memberID:5 alarm:NOSPACE "), true), None);
        assert!(fault(&status(""), false).is_some_and(|text| text.contains("3.5.32")));
    }
}

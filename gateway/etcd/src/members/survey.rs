//! What do most of the members show? Asked before everything is loaded: one member alone may be of
//! another cluster.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::client::{CallError, Members};
use crate::history::Shown;

/// The members cannot be asked, or do not agree.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SurveyError {
    #[error("{answered} of {members} members answer; more than half must ({why})")]
    Few { answered: usize, members: usize, why: String },
    #[error("the members are of different clusters; `etcd` must list those of one alone")]
    Clusters,
}

/// Asks all members whose answers count. The newest of what is shown, by a cluster that more than
/// half of the members are of.
///
/// # Errors
/// There is no such cluster.
pub(crate) async fn survey(
    members: &Arc<Members>,
    patience: Duration,
) -> Result<Shown, SurveyError> {
    let mut asking = JoinSet::new();
    for index in 0..members.list().len() {
        let members = Arc::clone(members);
        asking.spawn(async move {
            match members.list().get(index) {
                Some(member) if member.counts() => member.shown(patience).await,
                Some(member) => Err(CallError::Failed {
                    member: member.name().to_owned(),
                    why: "its answers do not count".to_owned(),
                }),
                None => Err(CallError::Silent(String::new())),
            }
        });
    }
    decide(asking.join_all().await)
}

fn decide(answers: Vec<Result<Shown, CallError>>) -> Result<Shown, SurveyError> {
    let members = answers.len();
    let (mut shown, mut why) = (Vec::new(), String::new());
    for answer in answers {
        match answer {
            Ok(answer) => shown.push(answer),
            Err(error) => why = error.to_string(),
        }
    }
    if shown.len() * 2 <= members {
        return Err(SurveyError::Few { answered: shown.len(), members, why });
    }
    let of_cluster = |one: &Shown| shown.iter().filter(|it| it.cluster == one.cluster).count();
    let most = shown.iter().filter(|one| of_cluster(one) * 2 > members);
    most.max_by_key(|one| one.revision).copied().ok_or(SurveyError::Clusters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cluster: u64, revision: i64) -> Result<Shown, CallError> {
        Ok(Shown { cluster, revision, last: None, life: None })
    }

    #[test]
    fn more_than_half_of_the_members_decide_which_cluster_it_is() {
        let silent = || Err(CallError::Silent("a".to_owned()));
        assert_eq!(
            decide(vec![shown(1, 5), shown(2, 9), shown(1, 6)]),
            shown(1, 6).map_err(|_| SurveyError::Clusters)
        );
        assert_eq!(decide(vec![shown(1, 5), shown(2, 9), silent()]), Err(SurveyError::Clusters));
        assert!(matches!(
            decide(vec![shown(1, 5), silent(), silent()]),
            Err(SurveyError::Few { answered: 1, .. })
        ));
        assert!(matches!(decide(vec![]), Err(SurveyError::Few { .. })));
    }
}

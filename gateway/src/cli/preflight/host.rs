//! What of this machine does not fit a configuration that is right in itself.

use crate::config::Config;
use crate::config::DescriptorBudget;
use crate::process::start::find_group;
use sys::disk;

use crate::cli::failure::Failure;

/// A sentence for each thing that an operator should mend; `descriptors` is the limit that the
/// gateway runs with.
pub(in crate::cli) fn warnings(config: &Config, descriptors: usize) -> Vec<String> {
    let mut warnings: Vec<String> =
        DescriptorBudget::new(config, descriptors).warning().into_iter().collect();
    let record = config.record.enabled.then_some(&config.record.directory);
    let kept = [Some(&config.server.data_dir), record];
    warnings.extend(kept.into_iter().flatten().filter_map(|path| disk::others_may_write(path)));
    warnings
}

/// Sees that the groups that are named are there.
pub(in crate::cli) fn check_groups(config: &Config) -> Result<(), Failure> {
    let listeners = config.listeners.iter().map(|one| ("[[listener]] group", &one.group));
    let mut named = listeners.chain([("[record] group", &config.record.group)]);
    let found = named.try_for_each(|(key, group)| find_group(key, group).map(drop));
    found.map_err(|error| Failure::Unfit(error.to_string()))
}

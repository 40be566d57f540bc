//! What each worker counts for itself: connections, and nothing else that Envoy tells of all versions.

use std::collections::BTreeMap;

use crate::{Form, Quantity, Refusal, Snapshot, count};

/// How many connections of clients each worker took between two snapshots, by its number; the admin interface's are
/// left out. Requests are not counted by worker.
pub fn connections_of_workers(
    before: &Snapshot,
    after: &Snapshot,
) -> Result<BTreeMap<u32, u64>, Refusal> {
    // Whatever makes the sum of all workers meaningless does so to each of them.
    count(&Quantity::Connections, (before, None), (after, None))?;
    let mut workers = BTreeMap::new();
    for (name, value) in &after.values {
        if let Some(worker) = worker(after.form, name) {
            let grown = value.saturating_sub(before.value(name));
            let sum: &mut u64 = workers.entry(worker).or_default();
            *sum = sum.saturating_add(grown);
        }
    }
    if workers.is_empty() {
        let counter = "listener.*.worker_*.downstream_cx_total".to_owned();
        return Err(Refusal::Missing { counter, similar: Vec::new() });
    }
    Ok(workers)
}

/// The worker whose connections a counter counts.
fn worker(form: Form, name: &str) -> Option<u32> {
    match form {
        Form::Plain => {
            let address = name.strip_prefix("listener.")?.strip_suffix(".downstream_cx_total")?;
            let (address, worker) = address.rsplit_once('.')?;
            let is_admin = address == "admin" || address.starts_with("admin.");
            worker.strip_prefix("worker_")?.parse().ok().filter(|_| !is_admin)
        }
        Form::Prometheus => {
            let (name, labels) = name.split_once('{')?;
            let worker = labels.split("envoy_worker_id=\"").nth(1)?.split('"').next()?;
            (name == "envoy_listener_worker_downstream_cx_total").then(|| worker.parse().ok())?
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_summed_by_worker() {
        let snapshot = |values: [u64; 5]| {
            let [all, zero, one, other, admin] = values;
            let text = format!(
                "listener.0.0.0.0_80.downstream_cx_total: {all}\n\
                 listener.0.0.0.0_80.worker_0.downstream_cx_total: {zero}\n\
                 listener.0.0.0.0_80.worker_1.downstream_cx_total: {one}\n\
                 listener.[__1]_81.worker_0.downstream_cx_total: {other}\n\
                 listener.admin.main_thread.downstream_cx_total: {admin}\n"
            );
            Snapshot::parse(text.as_bytes()).unwrap()
        };
        let (before, after) = (snapshot([3, 1, 2, 0, 9]), snapshot([10, 6, 4, 5, 12]));
        let workers = connections_of_workers(&before, &after).unwrap();
        assert_eq!(workers.into_iter().collect::<Vec<_>>(), [(0, 10), (1, 2)]);
        assert!(matches!(connections_of_workers(&after, &before), Err(Refusal::Fell { .. })));
    }
}

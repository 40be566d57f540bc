//! `/server_info`: which Envoy answered, and since when it runs.

use serde_json::Value;

/// It is no answer of `/server_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the JSON of `/server_info`")]
pub struct NoServerInfo;

/// Which Envoy answered, and since when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// The commit it was built from, which is the build ID of its binary.
    pub commit: Option<String>,
    /// Seconds since this process began.
    pub uptime: u64,
    /// Seconds since the first of the processes that hot restarts replaced.
    pub uptime_of_all: u64,
    /// How often it was restarted so.
    pub restart_epoch: Option<u64>,
}

/// How far two snapshots are apart, in seconds. Uptimes are whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The seconds that the uptimes differ by.
    pub seconds: u64,
}

impl Window {
    /// Surely at least so long.
    pub fn at_least(self) -> u64 {
        self.seconds.saturating_sub(1)
    }

    /// Surely at most so long.
    pub fn at_most(self) -> u64 {
        self.seconds.saturating_add(1)
    }
}

impl ServerInfo {
    /// Reads what `/server_info` answered.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoServerInfo> {
        let json: Value = serde_json::from_slice(bytes).map_err(|_| NoServerInfo)?;
        let text = |key: &str| json.get(key).and_then(Value::as_str);
        let seconds = |key: &str| text(key).and_then(seconds).ok_or(NoServerInfo);
        let commit = text("version").and_then(|version| version.split('/').next());
        let options = json.get("command_line_options");
        Ok(Self {
            commit: commit.map(str::to_ascii_lowercase),
            uptime: seconds("uptime_current_epoch")?,
            uptime_of_all: seconds("uptime_all_epochs")?,
            restart_epoch: options.and_then(|options| options.get("restart_epoch")?.as_u64()),
        })
    }

    /// Whether the process that answered is younger than an earlier answer, or is not its own.
    pub(crate) fn is_restarted_since(&self, earlier: &Self) -> bool {
        let passed = self.uptime_of_all.checked_sub(earlier.uptime_of_all);
        let is_other = self.restart_epoch.zip(earlier.restart_epoch);
        self.uptime < earlier.uptime
            || is_other.is_some_and(|(ours, theirs)| ours != theirs)
            // Both are rounded down.
            || passed.is_none_or(|passed| self.uptime.saturating_add(1) < passed)
    }

    /// The time since an earlier answer of the same process.
    pub fn since(&self, earlier: &Self) -> Window {
        Window { seconds: self.uptime.saturating_sub(earlier.uptime) }
    }
}

/// `21s`, or `1.5s`, as protobuf writes a duration.
fn seconds(text: &str) -> Option<u64> {
    let whole = text.strip_suffix('s')?.split('.').next()?;
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(uptime: u64, uptime_of_all: u64) -> ServerInfo {
        ServerInfo { commit: None, uptime, uptime_of_all, restart_epoch: None }
    }

    #[test]
    fn a_hot_restart_shows_in_the_uptimes() {
        assert!(info(1, 7).is_restarted_since(&info(4, 4)));
        // Even if the new process is older than the old one was.
        assert!(info(9, 15).is_restarted_since(&info(4, 4)));
        assert!(!info(25, 25).is_restarted_since(&info(4, 4)));
        assert!(!info(13, 19).is_restarted_since(&info(9, 15)));
    }

    #[test]
    fn a_restart_shows_too() {
        assert!(info(3, 3).is_restarted_since(&info(40, 40)));
    }

    #[test]
    fn other_json_is_refused() {
        assert_eq!(ServerInfo::parse(b"{\"stats\": []}"), Err(NoServerInfo));
        assert_eq!(ServerInfo::parse(b"LIVE"), Err(NoServerInfo));
    }
}

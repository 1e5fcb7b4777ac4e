//! The helper on the management node.

use acceptance::{Cluster, Failure};

acceptance::promises![init_undo_ends_the_helper_while_it_runs];

/// As `xdock init` starts it, and as a connection keeps an instance of it busy.
async fn init_undo_ends_the_helper_while_it_runs(cluster: &Cluster) -> Result<(), Failure> {
    let hold = "systemctl is-active xdock-knock.socket && \
                (timeout 30 bash -c 'exec 3<>/dev/tcp/10.99.0.1/3022; sleep 30' >/dev/null 2>&1 & ) ; \
                for i in $(seq 100); do systemctl list-units --no-legend 'xdock-knock@*' | grep -q . && exit 0; sleep 0.1; done; exit 1";
    cluster.sh("mn", hold).await?;
    cluster.xdock_done("init --undo").await?;
    let left = cluster
        .sh(
            "mn",
            "systemctl is-active xdock-knock.socket; systemctl list-units --no-legend --all 'xdock-knock*'; \
             ls /etc/systemd/system | grep knock; ss -Hltn sport = :3022; true",
        )
        .await?;
    let again = cluster.sh("mn", "xdock init --from /root/xdock").await;
    acceptance::soundness::same("what is left of the helper", left.trim(), "inactive")?;
    again?;
    cluster.sh("mn", "systemctl is-active xdock-knock.socket").await.map(drop)
}

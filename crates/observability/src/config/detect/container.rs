//! The container that the process runs in.
//!
//! Under control groups version 1 its id is part of the process's group; under version 2 a process
//! sees only its own root, and the id is found in the paths of the files that the runtime mounts.
//!
//! Source: OpenTelemetry semantic conventions, "Container"; cgroups(7), proc(5).

use super::{Detected, found, read};

/// Length of an id, in hexadecimal digits.
const ID_DIGITS: usize = 64;
/// Folders in which runtimes keep what is mounted, named by the container. That of a sandbox is not
/// among them: it holds the pod's files and not the container's.
const FOLDERS: [&str; 2] = ["containers", "overlay-containers"];

pub(super) fn detect() -> Detected {
    let of_group = read("/proc/self/cgroup").and_then(|groups| id_of_group(&groups));
    let of_mounts = || read("/proc/self/mountinfo").and_then(|mounts| id_of_mounts(&mounts));
    found([("container.id", of_group.or_else(of_mounts))])
}

/// The last folder of a group, without what runtimes write around the id.
fn id_of_group(groups: &str) -> Option<String> {
    groups.lines().find_map(|line| {
        let group = line.splitn(3, ':').nth(2)?;
        let last = group.rsplit('/').next()?;
        let scope = last.strip_suffix(".scope").unwrap_or(last);
        // `docker-…`, `cri-containerd-…`, and `cri-containerd:…` below systemd.
        let id = scope.rsplit(['-', ':']).next()?;
        is_id(id).then(|| id.to_owned())
    })
}

/// The folder of a container from which a file such as `hostname` is mounted.
fn id_of_mounts(mounts: &str) -> Option<String> {
    mounts.lines().find_map(|line| {
        let root = line.split(' ').nth(3)?;
        let folders: Vec<_> = root.split('/').collect();
        let in_folder = |pair: &&[&str]| FOLDERS.contains(&pair[0]) && is_id(pair[1]);
        let found = folders.windows(2).find(in_folder)?;
        Some(found[1].to_owned())
    })
}

fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7be92808767a667f35c8505cbf40d14e931ef6db5b0210329cf193b15ba9d605";

    #[test]
    fn the_group_of_version_1_ends_with_the_id() {
        let groups = [
            "13:pids:/docker/{ID}\n12:hugetlb:/docker/{ID}\n0::/system.slice/containerd.service",
            "11:cpuset:/kubepods/besteffort/podf6a2b3de-5f4e-4f0c-9a3e-2f1a0d8e5c11/{ID}",
            "1:name=systemd:/kubepods.slice/kubepods-burstable.slice/\
             kubepods-burstable-pod07e2.slice/cri-containerd-{ID}.scope",
            "4:memory:/system.slice/containerd.service/kubepods-pod07e2.slice:cri-containerd:{ID}",
            "8:devices:/ecs/55091c13-b8cf-4801-b527-f4601742204d/{ID}",
            "0::/machine.slice/libpod-{ID}.scope",
        ];
        for group in groups {
            let group = group.replace("{ID}", ID);
            assert_eq!(id_of_group(&group).as_deref(), Some(ID), "{group}");
        }
    }

    #[test]
    fn the_group_of_a_process_outside_has_no_id() {
        let groups = [
            "0::/",
            "0::/user.slice/user-1000.slice/session-2.scope",
            "12:pids:/system.slice/ssh.service\n1:name=systemd:/init.scope",
            "9:name=systemd:/\n4:memory:/api/90ef564a87fda420bc135c64bbff5b72",
            "no group at all",
            "",
        ];
        for group in groups {
            assert_eq!(id_of_group(group), None, "{group}");
        }
    }

    #[test]
    fn the_mounts_of_version_2_come_from_a_folder_of_the_container() {
        let docker = "\
            472 461 0:59 / / rw,relatime master:180 - overlay overlay rw,lowerdir=/var/lib/docker\n\
            490 472 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw\n\
            491 472 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/sda1 rw";
        let podman = "983 961 0:56 /containers/overlay-containers/{ID}/userdata/hostname \
            /etc/hostname rw,nosuid,nodev - tmpfs tmpfs rw";
        for mounts in [docker, podman] {
            let mounts = mounts.replace("{ID}", ID);
            assert_eq!(id_of_mounts(&mounts).as_deref(), Some(ID), "{mounts}");
        }
    }

    #[test]
    fn a_sandbox_is_not_the_container() {
        let containerd = format!(
            "1517 1496 8:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname \
             /etc/hostname rw,relatime - ext4 /dev/sda1 rw"
        );
        assert_eq!(id_of_mounts(&containerd), None);
        assert_eq!(id_of_mounts("23 28 0:22 / /proc rw - proc proc rw"), None);
    }
}

//! The list of tools: where each comes from, and what it answers when asked for its version.

use super::module::{self, CONTROL_PLANE, Module, NODE};
use crate::Error;

pub(super) struct Tool {
    pub(super) name: &'static str,
    module: &'static Module,
    /// Whether it is the control plane's own, and so of the version that was chosen.
    follows_choice: bool,
    pub(super) package: &'static str,
    /// The required module whose version is the tool's.
    version_of: &'static str,
    /// Empty for a tool that is never taken from `PATH`.
    pub(super) version_arguments: &'static [&'static str],
    /// How long a first build takes on two cores.
    pub(super) takes: &'static str,
}

pub(super) static KNOWN: [Tool; 10] = [
    Tool {
        name: "etcd",
        module: &CONTROL_PLANE,
        follows_choice: false,
        package: "go.etcd.io/etcd/server/v3",
        version_of: "go.etcd.io/etcd/server/v3",
        version_arguments: &["--version"],
        takes: "2 min",
    },
    Tool {
        follows_choice: true,
        ..kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "8 min")
    },
    Tool {
        follows_choice: true,
        ..kubernetes("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", "4 min")
    },
    Tool {
        version_arguments: &["version", "--client"],
        ..kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl", "1 min")
    },
    Tool {
        name: "helm",
        module: &CONTROL_PLANE,
        follows_choice: false,
        package: "helm.sh/helm/v4/cmd/helm",
        version_of: "helm.sh/helm/v4",
        version_arguments: &["version", "--short"],
        takes: "2 min",
    },
    kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet", "1 min"),
    kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", "20 s"),
    kubernetes("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy", "30 s"),
    node("coredns", "./coredns", "2 min"),
    node("pause", "./pause", "2 s"),
];

const fn kubernetes(name: &'static str, package: &'static str, takes: &'static str) -> Tool {
    let version_of = "k8s.io/kubernetes";
    Tool {
        name,
        module: &CONTROL_PLANE,
        follows_choice: false,
        package,
        version_of,
        version_arguments: &["--version"],
        takes,
    }
}

const fn node(name: &'static str, package: &'static str, takes: &'static str) -> Tool {
    Tool {
        name,
        module: &NODE,
        follows_choice: false,
        package,
        version_of: "github.com/coredns/coredns",
        version_arguments: &[],
        takes,
    }
}

impl Tool {
    /// The module it is built from.
    ///
    /// # Errors
    /// When a Kubernetes was chosen that is none of ours.
    pub(super) fn module(&self) -> Result<&'static Module, Error> {
        if self.follows_choice { module::chosen_control_plane() } else { Ok(self.module) }
    }

    /// As in `v1.37.2`.
    pub(super) fn version(&self) -> Result<&'static str, Error> {
        Ok(self.module()?.version(self.version_of))
    }

    /// Whether a tool that reports this is as good as one of the pinned version.
    pub(super) fn fits(&self, pinned: &str, reported: &str) -> bool {
        if self.name == "helm" {
            return helm_fits(reported);
        }
        let pinned = pinned.trim_start_matches('v');
        let minor = pinned.rsplit_once('.').map_or(pinned, |(minor, _)| minor);
        versions(reported).any(|version| version.starts_with(&format!("{minor}.")))
    }
}

fn helm_fits(reported: &str) -> bool {
    versions(reported).any(|version| {
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        match (numbers.next(), numbers.next()) {
            (Some(3), Some(minor)) => minor >= 17,
            (Some(major), _) => major == 4,
            _ => false,
        }
    })
}

/// The words of a tool's answer that look like a version, without the `v`.
fn versions(reported: &str) -> impl Iterator<Item = &str> {
    reported
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .filter(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_pinned_module() {
        for tool in &KNOWN {
            assert_ne!(tool.version().unwrap(), "v0.0.0", "{}", tool.name);
        }
        assert!(KNOWN[1].version().unwrap().starts_with("v1."));
    }

    #[test]
    fn a_tool_on_the_path_fits_only_in_the_pinned_minor() {
        let kubectl = &KNOWN[3];
        assert!(kubectl.fits("v1.37.2", "Client Version: v1.37.9\nKustomize Version: v5.8.0\n"));
        assert!(!kubectl.fits("v1.37.2", "Client Version: v1.36.1\n"));
        assert!(!kubectl.fits("v1.37.2", ""));
    }

    #[test]
    fn helm_fits_from_3_17() {
        assert!(helm_fits("v3.17.0+g301108e"));
        assert!(helm_fits("v4.3.1"));
        assert!(!helm_fits("v3.16.4+g7877b45"));
        assert!(!helm_fits("v2.17.0"));
    }
}

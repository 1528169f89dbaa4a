"""Which workload controllers run, for `sandbox.cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.sandbox.runtime import Controller
from opsconsole.sandbox.store import Store
from opsconsole.sandbox.workloads.autoscaling import DisruptionController, HorizontalController
from opsconsole.sandbox.workloads.daemonset import DaemonSetController
from opsconsole.sandbox.workloads.deployment import DeploymentController
from opsconsole.sandbox.workloads.endpoints import EndpointsController
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.instant import InstantJobs, InstantKubelet
from opsconsole.sandbox.workloads.job import JobController
from opsconsole.sandbox.workloads.kubelet import Kubelet
from opsconsole.sandbox.workloads.profile import Profile, profile_named
from opsconsole.sandbox.workloads.replicaset import ReplicaSetController
from opsconsole.sandbox.workloads.scheduler import Scheduler
from opsconsole.sandbox.workloads.statefulset import StatefulSetController

if TYPE_CHECKING:
    from opsconsole.sandbox.cluster import Cluster


def controllers(cluster: Cluster) -> list[Controller]:
    return make(cluster.store, profile_named(cluster.options.profile))


def make(store: Store, profile: Profile) -> list[Controller]:
    """Every workload controller for one cluster. Names are unique within a Manager."""

    def recorder(component: str) -> Recorder:
        return Recorder(store, component, enabled=not profile.instant)

    shared: list[Controller] = [
        ReplicaSetController(store, recorder("replicaset-controller")),
        DeploymentController(store, recorder("deployment-controller")),
        StatefulSetController(store, recorder("statefulset-controller")),
        DaemonSetController(store, recorder("daemonset-controller"), profile.nodes),
        DisruptionController(store),
    ]
    if profile.hpa_status:
        shared.append(HorizontalController(store, recorder("horizontal-pod-autoscaler")))
    if profile.instant:
        return [*shared, InstantKubelet(store, profile), InstantJobs(store, profile)]
    return [
        *shared,
        JobController(store, recorder("job-controller")),
        EndpointsController(store),
        Scheduler(store, profile, Recorder(store, "default-scheduler", rate_limited=True)),
        Kubelet(store, profile, Recorder(store, "kubelet", rate_limited=True)),
    ]

"""The kinds that an overlay may contain where nobody says otherwise."""

DEFAULT_KINDS = (
    "ConfigMap,Secret,Service,ServiceAccount,PersistentVolumeClaim,LimitRange,ResourceQuota,"
    "apps/Deployment,apps/StatefulSet,batch/Job,batch/CronJob,"
    "autoscaling/HorizontalPodAutoscaler,keda.sh/ScaledObject,"
    "networking.k8s.io/NetworkPolicy,policy/PodDisruptionBudget,"
    "gateway.networking.k8s.io/HTTPRoute,gateway.networking.k8s.io/GRPCRoute,"
    "alb.networking.azure.io/HealthCheckPolicy,alb.networking.azure.io/RoutePolicy,"
    "alb.networking.azure.io/BackendTLSPolicy,alb.networking.azure.io/BackendLoadBalancingPolicy,"
    "alb.networking.azure.io/FrontendTLSPolicy,alb.networking.azure.io/WebApplicationFirewallPolicy,"
    "secrets-store.csi.x-k8s.io/SecretProviderClass,"
    "azmonitoring.coreos.com/PodMonitor,azmonitoring.coreos.com/ServiceMonitor,"
    "monitoring.coreos.com/PodMonitor,monitoring.coreos.com/ServiceMonitor"
)

# dumpdiff with a shell beside it, for the sidecar and the CronJob, whose loops are a shell's.
FROM docker.io/library/busybox:stable
COPY --from=registry.example/dumpdiff:0.1.0 /usr/bin/dumpdiff /usr/bin/dumpdiff
USER 65532:65532

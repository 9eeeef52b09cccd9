# The service's URL: `just URL=http://host:port RECIPE`, or the environment variable.
URL := env('URL', 'http://localhost:8080')
# The namespace of an installation on Kubernetes.
NAMESPACE := env('NAMESPACE', 'hascheduler')

set positional-arguments

[private]
default:
    @"{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# three replicas, a front door and a MongoDB on this machine; Ctrl-C stops them
[group('on this machine')]
start:
    npm start

# three replicas and a MongoDB replica set in a kind cluster, on localhost:8080; also updates them
[group('on Kubernetes')]
[no-exit-message]
up:
    @node --import tsx scripts/deploy.ts up

# delete the kind cluster, with all data
[group('on Kubernetes')]
[no-exit-message]
down:
    @node --import tsx scripts/deploy.ts down

# deploy to kubectl's current context, after a confirmation: --image, --overlay kind|production, --yes
[group('on Kubernetes')]
[no-exit-message]
deploy *OPTIONS:
    @node --import tsx scripts/deploy.ts deploy "$@"

# pods with the leader's label, and the latest events
[group('on Kubernetes')]
[no-exit-message]
status:
    @kubectl --namespace {{ NAMESPACE }} get pods --label-columns hascheduler.dev/role
    @echo
    @kubectl --namespace {{ NAMESPACE }} events --types Normal,Warning | tail -n 12

# follow the replicas' logs; Ctrl-C ends it
[group('on Kubernetes')]
[no-exit-message]
logs:
    @kubectl --namespace {{ NAMESPACE }} logs --selector app.kubernetes.io/component=replica --follow --prefix --tail 20

# create a schedule that fires every 300 ms
[group('schedules')]
create-schedule: (_send 'POST' '/schedules' 'payloads/create_schedule.json')

# create a schedule that fires at four given times, 5 to 8 seconds from now
[group('schedules')]
[no-exit-message]
create-schedule-at:
    #!/usr/bin/env bash
    set -euo pipefail
    node -e '
      const body = JSON.parse(require("node:fs").readFileSync("payloads/create_schedule_at.json", "utf8"));
      body.definition.times = [5, 6, 7, 8].map((seconds) => new Date(Date.now() + seconds * 1000).toISOString());
      console.log(JSON.stringify(body));
    ' | "{{ just_executable() }}" --justfile "{{ justfile() }}" URL="{{ URL }}" _send POST /schedules -

# create a schedule that fires every second, by a cron expression
[group('schedules')]
create-schedule-cron: (_send 'POST' '/schedules' 'payloads/create_schedule_cron.json')

# create a schedule half of whose attempts fail, and are made again up to four times
[group('schedules')]
create-schedule-retry: (_send 'POST' '/schedules' 'payloads/create_schedule_retry.json')

# create a schedule of every 2 s whose runs take 3 s: an occurrence is skipped while a run is open
[group('schedules')]
create-schedule-overlap-skip: (_send 'POST' '/schedules' 'payloads/create_schedule_overlap_skip.json')

# the same, but occurrences wait for their turn
[group('schedules')]
create-schedule-overlap-queue: (_send 'POST' '/schedules' 'payloads/create_schedule_overlap_queue.json')

# the same, but each run cancels the one before
[group('schedules')]
create-schedule-overlap-replace: (_send 'POST' '/schedules' 'payloads/create_schedule_overlap_replace.json')

# create a schedule of every 5 s whose runs start up to 3 s later
[group('schedules')]
create-schedule-jitter: (_send 'POST' '/schedules' 'payloads/create_schedule_jitter.json')

# create a schedule that runs ten times
[group('schedules')]
create-schedule-max-runs: (_send 'POST' '/schedules' 'payloads/create_schedule_max_runs.json')

# create a schedule that sends a signed webhook every 5 s to `just receiver`; the service needs SECRET_WEBHOOK
[group('schedules')]
create-schedule-http: (_send 'POST' '/schedules' 'payloads/create_schedule_http.json')

# list all schedules
[group('schedules')]
get-schedules: (_get '/schedules')

# change a schedule to fire every 3 s
[group('schedules')]
update-schedule ID: (_send 'PUT' '/schedules/' + trim_start_match(ID, 'ID=') 'payloads/update_schedule.json')

# delete a schedule
[group('schedules')]
delete-schedule ID: (_call '-X' 'DELETE' '/schedules/' + trim_start_match(ID, 'ID='))

# pause a schedule: it fires nothing until it is resumed
[group('schedules')]
pause-schedule ID: (_call '-X' 'POST' '/schedules/' + trim_start_match(ID, 'ID=') + '/pause')

# resume a paused schedule
[group('schedules')]
resume-schedule ID: (_call '-X' 'POST' '/schedules/' + trim_start_match(ID, 'ID=') + '/resume')

# run a schedule once, now
[group('schedules')]
trigger-schedule ID: (_call '-X' 'POST' '/schedules/' + trim_start_match(ID, 'ID=') + '/trigger')

# list the runs of a schedule, newest first
[group('schedules')]
get-runs ID: (_get '/schedules/' + trim_start_match(ID, 'ID=') + '/runs')

# cancel a run: it ends, or its attempt is aborted
[group('schedules')]
cancel-run ID: (_call '-X' 'POST' '/runs/' + trim_start_match(ID, 'ID=') + '/cancel')

# run again what an ended run did
[group('schedules')]
rerun ID: (_call '-X' 'POST' '/runs/' + trim_start_match(ID, 'ID=') + '/rerun')

# run a schedule's occurrences from FROM to TO (excluded), times of the past such as 2026-01-01T00:00:00Z
[group('schedules')]
[no-exit-message]
backfill ID FROM TO:
    #!/usr/bin/env bash
    set -euo pipefail
    node -e '
      const body = JSON.parse(require("node:fs").readFileSync("payloads/backfill.json", "utf8"));
      const [from, to] = process.argv.slice(1);
      console.log(JSON.stringify({ ...body, from, to }));
    ' "${2#FROM=}" "${3#TO=}" | "{{ just_executable() }}" --justfile "{{ justfile() }}" URL="{{ URL }}" \
      _send POST "/schedules/${1#ID=}/backfills" -

# list the backfills of a schedule, with their progress
[group('schedules')]
get-backfills ID: (_get '/schedules/' + trim_start_match(ID, 'ID=') + '/backfills')

# cancel a backfill, and its open runs
[group('schedules')]
cancel-backfill ID: (_call '-X' 'POST' '/backfills/' + trim_start_match(ID, 'ID=') + '/cancel')

# show the leader
[group('cluster')]
leader: (_get '/leader')

# make the leader step down for another replica
[group('cluster')]
step-down: (_call '-X' 'POST' '/leader/step-down')

# list all replicas, with their roles
[group('cluster')]
cluster: (_get '/cluster')

# kill -9 the leader, and measure the takeover
[group('cluster')]
[no-exit-message]
kill-leader:
    @NAMESPACE={{ NAMESPACE }} node --import tsx scripts/faults.ts kill

# freeze the leader for some seconds, and see it become a follower
[group('cluster')]
[no-exit-message]
pause-leader SECONDS='6':
    @NAMESPACE={{ NAMESPACE }} node --import tsx scripts/faults.ts pause "${1#SECONDS=}"

# run all tests that this machine can run, or only those files whose path contains an argument
[group('development')]
test *FILES:
    npm test -- "$@"

# receive webhooks, and print a line about each: --secret whsec_…, --fail 0.3, --slow 2s; --help for more
[group('development')]
[no-exit-message]
receiver *OPTIONS:
    @npm run --silent receiver -- "$@"

# the gate: format, lint, types, unused code, architecture
[group('development')]
ok:
    npm run ok

# takeover times on this machine, with an audit
[group('development')]
bench *OPTIONS:
    npm run bench -- "$@"

# takeovers, restarts and drains on kubectl's current context, with an audit: --image NAME:TAG
[group('development')]
[no-exit-message]
test-k8s *OPTIONS:
    @npm run --silent test:k8s -- "$@"

[private]
_get PATH: (_call '-X' 'GET' PATH)

[private]
_send METHOD PATH BODY: (_call '-X' METHOD '-H' 'content-type: application/json' '--data-binary' '@' + BODY PATH)

# curl with the arguments, the last of which is a path; prints an error answer, and fails
[no-exit-message]
_call *ARGS:
    #!/usr/bin/env bash
    set -uo pipefail
    curl -sS --fail-with-body --max-time 30 "${@:1:$#-1}" "{{ URL }}${@: -1}" | node -e '
      const text = require("node:fs").readFileSync(0, "utf8");
      // Escapes control and formatting characters, as src/infra/log/printable.ts does; the JSON stays equivalent.
      const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
      const print = (output) => process.stdout.write(
        output.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (found) => found.split("").map(escaped).join("")),
      );
      try { print(`${JSON.stringify(JSON.parse(text), null, 2)}\n`); } catch { print(text); }
    '
    status=$?
    if [ $status -eq 7 ] || [ $status -eq 6 ]; then
      echo "No service answers at {{ URL }}: start a cluster with 'npm start', or set its URL: URL=http://host:port just …" >&2
    fi
    exit $status

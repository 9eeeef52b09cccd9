# Where the service is: `just URL=http://host:port RECIPE`, or the variable in the environment.
URL := env('URL', 'http://localhost:8080')

set positional-arguments

[private]
default:
    @"{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# three replicas, a front door and a MongoDB on this machine; Ctrl-C stops them
[group('local cluster')]
start:
    npm start

# kill -9 the leader of the local cluster, and print how long the others took to replace it
[group('local cluster')]
[no-exit-message]
kill-leader:
    @node --import tsx src/local/faults.ts kill

# freeze the leader for some seconds (and until another one leads), and see that it wakes as a follower
[group('local cluster')]
[no-exit-message]
pause-leader SECONDS='6':
    @node --import tsx src/local/faults.ts pause "${1#SECONDS=}"

# a schedule that fires every 300 ms
[group('schedules')]
create-schedule: (_send 'POST' '/schedules' 'payloads/create_schedule.json')

# a schedule that fires at four given times, 5 to 8 seconds from now
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

# a schedule that fires every second, by a cron expression
[group('schedules')]
create-schedule-cron: (_send 'POST' '/schedules' 'payloads/create_schedule_cron.json')

# all schedules
[group('schedules')]
get-schedules: (_get '/schedules')

# replace a schedule by one that fires every 3 s
[group('schedules')]
update-schedule ID: (_send 'PUT' '/schedules/' + trim_start_match(ID, 'ID=') 'payloads/update_schedule.json')

# delete a schedule
[group('schedules')]
delete-schedule ID: (_call '-X' 'DELETE' '/schedules/' + trim_start_match(ID, 'ID='))

# let a schedule owe nothing until it is resumed
[group('schedules')]
pause-schedule ID: (_call '-X' 'POST' '/schedules/' + trim_start_match(ID, 'ID=') + '/pause')

# let it fire again
[group('schedules')]
resume-schedule ID: (_call '-X' 'POST' '/schedules/' + trim_start_match(ID, 'ID=') + '/resume')

# run a schedule once, now
[group('schedules')]
trigger-schedule ID: (_call '-X' 'POST' '/schedules/' + trim_start_match(ID, 'ID=') + '/trigger')

# the runs of a schedule, newest first
[group('schedules')]
get-runs ID: (_get '/schedules/' + trim_start_match(ID, 'ID=') + '/runs')

# who leads
[group('cluster')]
leader: (_get '/leader')

# ask the leader to make way for another replica
[group('cluster')]
step-down: (_call '-X' 'POST' '/leader/step-down')

# all replicas, with their roles
[group('cluster')]
cluster: (_get '/cluster')

# every test that this machine can run; names of test files run these alone
[group('development')]
test *FILES:
    npm test -- "$@"

# the gate: format, lint, types, unused code, architecture
[group('development')]
ok:
    npm run ok

[private]
_get PATH: (_call '-X' 'GET' PATH)

[private]
_send METHOD PATH BODY: (_call '-X' METHOD '-H' 'content-type: application/json' '--data-binary' '@' + BODY PATH)

# curl with the arguments, the last of which is a path; an error answer is shown and fails
[no-exit-message]
_call *ARGS:
    #!/usr/bin/env bash
    set -uo pipefail
    curl -sS --fail-with-body --max-time 30 "${@:1:$#-1}" "{{ URL }}${@: -1}" | node -e '
      const text = require("node:fs").readFileSync(0, "utf8");
      try { console.log(JSON.stringify(JSON.parse(text), null, 2)); } catch { process.stdout.write(text); }
    '
    status=$?
    if [ $status -eq 7 ] || [ $status -eq 6 ]; then
      echo "Nothing answers at {{ URL }}: start a cluster with 'npm start', or say where it is: URL=http://host:port just …" >&2
    fi
    exit $status

#!/usr/bin/env bash
# Typical requests of Okta to a running server, with curl only. Safe on a live deployment: it creates two users and one
# group with random names, and deletes them.
#   tests/smoke.sh BASE_URL TOKEN     BASE_URL as given to Okta, e.g. https://scim.example.com/scim/v2
# Prints a line for each check and ends with 'N passed, M failed'. CURL_CA_BUNDLE names a private authority.
set -euo pipefail

if [[ $# != 2 || -z $2 || ! $1 =~ ^https?://[^/]+ ]]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
base=${1%/}
token=$2
leftovers=''
passed=0
failed=0
status=''
type=''
body=''

# call METHOD PATH [BODY]: stores the response in $status, $type and $body.
call() {
  local answer options=(--silent --show-error --globoff --compressed --max-time 60 --request "$1")
  options+=(--header 'Accept: application/scim+json' --header 'Accept-Charset: utf-8')
  options+=(--user-agent 'Okta SCIM Client 1.0.0')
  if [[ $# == 3 ]]; then
    options+=(--header 'Content-Type: application/scim+json; charset=utf-8' --data-binary "$3")
  fi
  # -q: a user's .curlrc must not change the test. The token is passed through a pipe, because arguments are public.
  answer=$(curl -q "${options[@]}" --header @<(printf 'Authorization: Bearer %s' "$token") \
    --write-out '\n%{http_code} %{content_type}' "$base$2") || true
  read -r status type <<<"${answer##*$'\n'}"
  body=$(tr -d '\r\n' <<<"${answer%$'\n'*}" | sed 's/"[[:space:]]*:[[:space:]]*/":/g; s/\[[[:space:]]*\]/[]/g')
  case $1$status in
  POST201) leftovers+=" $2/$(id_of)" ;;
  DELETE204) leftovers=${leftovers/ $2/} ;;
  esac
}

# An empty id must not turn a request for one resource into one for all.
id_of() {
  local id
  id=$(grep -o '"id":"[^"]*"' <<<"$body" | head -n 1 | cut -d '"' -f 4) || true
  echo "${id:-no-id-was-given}"
}

# check NAME STATUS [PATTERN…]: checks the last response; STATUS and PATTERN are regular expressions. A PATTERN
# after a leading ! must not occur.
check() {
  local name=$1 want=$2 pattern wrong='' got
  shift 2
  [[ $status =~ ^($want)$ ]] || wrong="with status $want"
  for pattern in "$@"; do
    if [[ $pattern == !* ]]; then
      [[ ! $body =~ ${pattern#!} ]] || wrong+="${wrong:+ and }without ${pattern#!}"
    else
      [[ $body =~ $pattern ]] || wrong+="${wrong:+ and }with $pattern"
    fi
  done
  if [[ -n $body && ! $type =~ ^application/scim\+json ]]; then
    wrong+="${wrong:+ and }of type application/scim+json"
  fi
  if [[ -z $wrong ]]; then
    passed=$((passed + 1))
    echo "ok   $name"
  else
    failed=$((failed + 1))
    got="status ${status:-none} $type ${body:0:400}"
    echo "FAIL $name: expected an answer $wrong; got ${got//"$token"/(token)}"
  fi
}

patch() {
  call PATCH "$1" "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[$2]}"
}

lookup() {
  call GET "/$1?filter=$2%20eq%20%22$3%22&startIndex=1&count=100"
}

finish() {
  local path
  trap - EXIT
  for path in $leftovers; do
    call DELETE "$path"
    [[ $status =~ ^(204|404)$ ]] || echo "left behind: $path"
  done
  echo "$passed passed, $failed failed"
  ((failed == 0 && passed > 0)) && exit 0
  exit 1
}
trap 'failed=$((failed + 1)); finish' EXIT

new_user() {
  cat <<JSON
{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"$1",
 "name":{"givenName":"Smoke","familyName":"O'Test"},
 "emails":[{"primary":true,"value":"$1","type":"work"}],"displayName":"Smoke O'Test","locale":"en-US",
 "externalId":"00u$run","groups":[],"password":"Aa1!$run","active":true}
JSON
}

list='"totalResults":[0-9]+[,}]'
one='"totalResults":1[,}]'
none='"totalResults":0[,}].*"Resources":\[\]|"Resources":\[\].*"totalResults":0[,}]'
active='"active":true'
inactive='"active":false'
given_name='"givenName":"Smoke"'
changed_name='"givenName":"Changed"'
group_schema='"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]'
run=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
name="smoke+$run@example.com"
query="smoke%2B$run%40example.com"
other_case=$(tr '[:lower:]' '[:upper:]' <<<"$name")

# The connector test.
call GET '/Users?startIndex=1&count=2'
check 'connector test' 200 "$list" '"itemsPerPage":[0-2][,}]' 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
((failed == 0)) || finish
call GET '/Groups?startIndex=1&count=2'
check 'connector test of groups' 200 "$list"
given=$token
token=not-a-token
call GET '/Users?startIndex=1&count=2'
check 'a wrong token' 401 'urn:ietf:params:scim:api:messages:2.0:Error' '"status":"401"' '"detail":"'
token=$given

# A person is assigned.
lookup Users userName "o%27$query"
check 'lookup of nobody' 200 "$none"
call GET "/Users/$run"
check 'a user who does not exist' 404 'urn:ietf:params:scim:api:messages:2.0:Error' '"status":"404"' '"detail":"'
call POST /Users "$(new_user "$name")"
check 'create' 201 "\"userName\":\"smoke\\+$run@example.com\"" "$active" "\"externalId\":\"00u$run\"" '"meta":' \
  '!"password"' "!Aa1!$run"
user=$(id_of)
call POST /Users "$(new_user "$other_case")"
check 'create again, in capitals' 409 '"scimType":"uniqueness"' '"status":"409"' '"detail":"'
lookup Users userName "$query"
check 'lookup' 200 "$one" "\"id\":\"$user\""
lookup Users userName "$(tr '[:lower:]' '[:upper:]' <<<"$query")"
check 'lookup in capitals' 200 "$one" "\"id\":\"$user\""

# The profile changes: Okta sends the resource that it read.
call GET "/Users/$user"
check 'read' 200 "\"id\":\"$user\"" '!"password"'
call PUT "/Users/$user" "$body"
check 'put what was read' 200 "\"id\":\"$user\"" "$active" '"givenName":"Smoke"'
call PUT "/Users/$user" "${body/$given_name/$changed_name}"
check 'put a change' 200 "\"id\":\"$user\"" '"givenName":"Changed"' "\"familyName\":\"O'Test\"" '!"password"'
patch "/Users/$user" "{\"op\":\"replace\",\"value\":{\"password\":\"Bb2!$run\"}}"
check 'password sync' '200|204' '!"password"' "!Bb2!$run"

# The person is unassigned and assigned again, in a catalogue app and in a custom one.
patch "/Users/$user" '{"op":"replace","value":{"active":false}}'
check 'deactivate by patch' '200|204' "!$active"
lookup Users userName "$query"
check 'still found, inactive' 200 "$one" "$inactive"
call POST /Users "$(new_user "$name")"
check 'create an inactive user again' 409 '"scimType":"uniqueness"'
patch "/Users/$user" '{"op":"replace","value":{"active":true}}'
check 'reactivate by patch' '200|204' "!$inactive"
call GET "/Users/$user"
check 'active again' 200 "$active" '"givenName":"Changed"'
call PUT "/Users/$user" "${body/$active/$inactive}"
check 'deactivate by put' 200 "$inactive"
call GET "/Users/$user"
check 'still there, inactive' 200 "$inactive"
call PUT "/Users/$user" "${body/$inactive/$active}"
check 'reactivate by put' 200 "$active"

# A group is pushed.
call POST /Users "$(new_user "second-$name")"
check 'create a second user' 201 "$active"
second=$(id_of)
lookup Groups displayName "Smoke%20$run"
check 'group lookup of none' 200 "$none"
call POST /Groups "{$group_schema,\"displayName\":\"Smoke $run\",\"members\":[]}"
check 'create a group' 201 "\"displayName\":\"Smoke $run\""
group=$(id_of)
lookup Groups displayName "sMOKE%20$run"
check 'group lookup in another case' 200 "$one" "\"id\":\"$group\""
call GET "/Groups/$group"
check 'read the group' 200 "\"id\":\"$group\"" '!"value":'
call PUT "/Groups/$group" "{$group_schema,\"id\":\"$group\",\"displayName\":\"Smoke $run\",\"members\":[{\"value\":\"$user\",\"display\":null}]}"
check 'put a member' 200 "\"id\":\"$group\""
patch "/Groups/$group" "{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"$second\",\"display\":\"second-$name\"}]}"
check 'add a member' '200|204'
call GET "/Groups/$group"
check 'both are members' 200 "\"value\":\"$user\"" "\"value\":\"$second\""
call GET "/Users/$user"
check 'the user names the group' 200 "\"groups\":\[.*\"value\":\"$group\""
call PUT "/Users/$user" "$body"
check 'put a user who is in a group' 200 "\"value\":\"$group\""

# The group is renamed and its members are removed.
patch "/Groups/$group" "{\"op\":\"replace\",\"value\":{\"id\":\"$group\",\"displayName\":\"Renamed $run\"}}"
check 'rename' '200|204'
patch "/Groups/$group" "{\"op\":\"replace\",\"value\":{\"id\":\"$group\",\"displayName\":\"Renamed $run\"}}"
check 'rename to the same name' '200|204'
call GET "/Groups/$group"
check 'members stay on rename' 200 "\"displayName\":\"Renamed $run\"" "\"value\":\"$user\"" "\"value\":\"$second\""
patch "/Groups/$group" "{\"op\":\"remove\",\"path\":\"members[value eq \\\"$user\\\"]\"}"
check 'remove a member by filter' '200|204'
call GET "/Groups/$group"
check 'only that one is gone' 200 "!\"value\":\"$user\"" "\"value\":\"$second\""
patch "/Groups/$group" "{\"op\":\"replace\",\"path\":\"members\",\"value\":[{\"value\":\"$user\"},{\"value\":\"$second\"}]}"
check 'push the group now' '200|204'
patch "/Groups/$group" "{\"op\":\"remove\",\"path\":\"members\",\"value\":[{\"value\":\"$second\"}]}"
check 'remove a member by value' '200|204'
call GET "/Groups/$group"
check 'only that one is gone, again' 200 "\"value\":\"$user\"" "!\"value\":\"$second\""
patch "/Groups/$group" '{"op":"replace","path":"members","value":[]}'
check 'push the group without members' '200|204'
call GET "/Groups/$group"
check 'no member is left' 200 "\"displayName\":\"Renamed $run\"" '!"value":'

# An import reads a page after the last one.
call GET '/Users?startIndex=1000000000&count=100'
check 'a page past the end' 200 '"totalResults":([2-9]|[1-9][0-9]+)[,}]' '"itemsPerPage":0[,}]' '"Resources":\[\]'

# Okta deletes only groups; the test deletes the users.
call DELETE "/Groups/$group"
check 'delete the group' 204
call GET "/Groups/$group"
check 'the group is gone' 404 '"status":"404"'
call DELETE "/Users/$user"
check 'delete the user' 204
call GET "/Users/$user"
check 'the user is gone' 404 '"status":"404"'
lookup Users userName "$query"
check 'and is not found' 200 "$none"
call DELETE "/Users/$second"
check 'delete the second user' 204
finish

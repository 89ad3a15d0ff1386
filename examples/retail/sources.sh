#!/bin/sh
# Chooses where the shop's tables are read from: weft reads the first server of a source contract.
#
# usage: sh sources.sh files                  the exported files in data/export
#        sh sources.sh postgres HOST PORT     the shop's database; its user and password are secrets, see README.md
#
# Afterwards: weft apply
set -eu
cd "$(dirname "$0")"

case ${1:-} in
files) first=export host=127.0.0.1 port=5432 ;;
postgres) first=shop host=${2:?usage: sh sources.sh postgres HOST PORT} port=${3:?usage: sh sources.sh postgres HOST PORT} ;;
*)
    sed -n '4,5s/^# //p' "$0" >&2
    exit 2
    ;;
esac

# Puts the server $first before the others, and the database's address where it belongs; all else stays as it is.
for contract in $(grep -l '^  - server: shop$' domains/*/*/*.odcs.yaml); do
    awk -v first="$first" -v host="$host" -v port="$port" '
        function end_of_servers(i) {
            for (i = 1; i <= count; i++) if (name[i] == first) printf "%s", text[i]
            for (i = 1; i <= count; i++) if (name[i] != first) printf "%s", text[i]
            is_inside = 0
        }
        /^servers:/ { is_inside = 1; count = 0; print; next }
        is_inside && /^[a-z]/ { end_of_servers() }
        is_inside && /^  - server: / { name[++count] = $3 }
        is_inside && count {
            if (name[count] == "shop") { sub(/host: .*/, "host: " host); sub(/port: .*/, "port: " port) }
            text[count] = text[count] $0 "\n"
            next
        }
        { print }
        END { if (is_inside) end_of_servers() }' "$contract" > "$contract.new"
    mv "$contract.new" "$contract"
done
sed "s/^  hosts: .*/  hosts: [\"$host:$port\"]/" mesh.yaml > mesh.yaml.new
mv mesh.yaml.new mesh.yaml
echo "the shop's tables are read from: $*"

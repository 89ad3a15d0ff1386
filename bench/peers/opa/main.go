// Decisions by Open Policy Agent, embedded and prepared, over the policies that bench/decisions.c gives to weft.
//
// usage: opa POLICIES DECISIONS
//
// Prints one JSON object. OPA caches nothing between evaluations: each is a cold decision.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

const module = `package weft

groups := {g | some g in input.actor.groups}

granted if {
	some p in data.policies
	p.effect == "grant"
	p.contract == input.table.contract
	some g in p.to
	groups[g]
}

excepted(p) if {
	some g in p.except
	groups[g]
}

filters contains p.where if {
	granted
	some p in data.policies
	p.effect == "filter"
	some tag in p.tags
	tag in input.table.tags
	not excepted(p)
}

masks contains [column.name, p.method] if {
	granted
	some p in data.policies
	p.effect == "mask"
	not excepted(p)
	some column in input.table.columns
	some tag in p.tags
	tag in column.tags
}
`

func policies(count int) []any {
	out := []any{}
	for i := 0; i < count; i++ {
		switch i % 3 {
		case 0:
			out = append(out, map[string]any{"effect": "grant", "contract": fmt.Sprintf("contract-%d", i%30),
				"to": []any{fmt.Sprintf("group-%d", i%100)}})
		case 1:
			out = append(out, map[string]any{"effect": "filter", "tags": []any{fmt.Sprintf("rows-%d", i%50)},
				"where": "country = 'CH'", "except": []any{fmt.Sprintf("group-%d", i%70)}})
		default:
			out = append(out, map[string]any{"effect": "mask", "tags": []any{fmt.Sprintf("label-%d", i%50)},
				"method": "null", "except": []any{fmt.Sprintf("group-%d", i%70)}})
		}
	}
	return out
}

func cpu() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	decisions, _ := strconv.Atoi(os.Args[2])
	ctx := context.Background()
	// Values as its evaluator wants them: converted once, not at every read.
	store := inmem.NewFromObjectWithOpts(map[string]any{"policies": policies(count)}, inmem.OptReturnASTValuesOnRead(true))
	query, err := rego.New(rego.Query(`x := {"granted": data.weft.granted, "filters": data.weft.filters, "masks": data.weft.masks}`),
		rego.Module("weft.rego", module), rego.Store(store)).PrepareForEval(ctx)
	if err != nil {
		panic(err)
	}
	columns := []any{}
	for i := 0; i < 20; i++ {
		columns = append(columns, map[string]any{"name": fmt.Sprintf("c%d", i), "tags": []any{fmt.Sprintf("label-%d", i)}})
	}
	before, started := cpu(), time.Now()
	for i := 0; i < decisions; i++ {
		input := map[string]any{
			"actor": map[string]any{"id": fmt.Sprintf("user-%d", i), "groups": []any{"group-0", fmt.Sprintf("group-%d", i%100)}},
			"table": map[string]any{"contract": "contract-0", "tags": []any{"rows-1"}, "columns": columns}}
		result, err := query.Eval(ctx, rego.EvalInput(input))
		if err != nil || len(result) != 1 {
			panic(fmt.Sprint("no decision: ", err))
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"decisions": decisions, "wall_s": time.Since(started).Seconds(), "cpu_s": cpu() - before})
}

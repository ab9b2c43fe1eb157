// The Lua interpreter of Argo CD, restricted as there.
package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// timeout is how long Argo CD lets a script run.
const timeout = time.Second

// statuses are what Argo CD accepts; with any other the object is Unknown.
var statuses = []string{"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"}

// libraries are what a script may use. Argo CD adds the clock, which these scripts do without.
var libraries = []struct {
	name string
	open lua.LGFunction
}{
	{lua.LoadLibName, lua.OpenPackage},
	{lua.BaseLibName, lua.OpenBase},
	{lua.TabLibName, lua.OpenTable},
}

// health is the result of a script for an object.
type health struct {
	status, message string
}

// run evaluates a script, which finds the object in the global variable obj.
func run(script string, object map[string]any) (health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range libraries {
		state.Push(state.NewFunction(library.open))
		state.Push(lua.LString(library.name))
		state.Call(1, 0)
	}
	limited, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	state.SetContext(limited)
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		return health{}, err
	}
	table, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return health{}, fmt.Errorf("it returns a %s, not a table", state.Get(-1).Type())
	}
	found := health{lua.LVAsString(table.RawGetString("status")), lua.LVAsString(table.RawGetString("message"))}
	if !slices.Contains(statuses, found.status) {
		return health{}, fmt.Errorf("it returns the status %q", found.status)
	}
	return found, nil
}

// value makes a value of Lua from one of JSON.
func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case int64:
		return lua.LNumber(from)
	case float64:
		return lua.LNumber(from)
	case string:
		return lua.LString(from)
	case []any:
		list := state.NewTable()
		for _, item := range from {
			list.Append(value(state, item))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for key, item := range from {
			table.RawSetString(key, value(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}

package config

import "strings"

// hostNames are the action properties that eKuiper reads itself, in 2.4.0 and
// 1.14.7: its common sink settings, its cache's, a portable sink's, and those
// of releases before. They reach us as well; we take none of these names.
var hostNames = []string{
	// common to all sinks
	"concurrency", "omitIfEmpty", "sendSingle", "dataTemplate", "format", "schemaId", "delimiter", "bufferLength",
	"fields", "excludeFields", "dataField", "tableDataField", "batchSize", "lingerInterval", "compression",
	"compressionProps", "encryption", "encProps", "hasHeader", "sendError",
	// cache
	"memoryCacheThreshold", "maxDiskCache", "bufferPageSize", "enableCache", "resendInterval", "cleanCacheAtStop",
	"resendAlterQueue", "resendPriority", "resendIndicatorField", "resendDestination",
	// of a portable sink, and references to stored configurations
	"requireAck", "resourceId", "connectionSelector",
	// of older releases
	"runAsync", "retryInterval", "retryCount", "cacheLength", "cacheSaveInterval",
}

// hostTypes are the types of those that are no texts: eKuiper takes a property
// in no other form, and its own error comes only when the rule starts.
var hostTypes = map[string]string{
	"concurrency": "integer", "bufferLength": "integer", "batchSize": "integer",
	"memoryCacheThreshold": "integer", "maxDiskCache": "integer", "bufferPageSize": "integer", "resendPriority": "integer",
	"retryInterval": "integer", "retryCount": "integer", "cacheLength": "integer", "cacheSaveInterval": "integer",
	"omitIfEmpty": "boolean", "sendSingle": "boolean", "hasHeader": "boolean", "sendError": "boolean", "enableCache": "boolean",
	"cleanCacheAtStop": "boolean", "resendAlterQueue": "boolean", "requireAck": "boolean", "runAsync": "boolean",
	"lingerInterval": "duration", "resendInterval": "duration",
	"fields": "list", "excludeFields": "list",
	"compressionProps": "object", "encProps": "object",
}

// HostType returns the type of a property that eKuiper reads itself, by its
// usual spelling: string, integer, boolean, duration, list or object.
func HostType(name string) string {
	if t, ok := hostTypes[name]; ok {
		return t
	}
	return "string"
}

// knownNames maps every name that means something, in lower case, to its
// usual spelling.
func knownNames() map[string]string {
	known := map[string]string{}
	add := func(names ...string) {
		for _, n := range names {
			known[strings.ToLower(n)] = n
		}
	}
	add(hostNames...)
	for _, p := range properties {
		add(p.Name)
		add(p.Aliases...)
	}
	return known
}

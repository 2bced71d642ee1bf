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

import RefrainFoundation

/// Whether there is a folder of this name, or a link to one.
package func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// What follows the last dot of a file's name, in lower case; empty where there is none.
package func ending(of path: String) -> String { URL(filePath: path).pathExtension.lowercased() }

/// The names of everything in a folder and the folders in it, sorted; nil where it cannot be read.
package func names(within folder: String) -> [String]? {
  (try? FileManager.default.subpathsOfDirectory(atPath: folder))?.sorted()
}

import RefrainFoundation

/// Whether there is a folder of this name, or a link to one.
package func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// What follows the last dot of a file's name, in lower case; empty where there is none.
package func ending(of path: String) -> String { URL(filePath: path).pathExtension.lowercased() }

/// The names of what is in a folder, in no order.
///
/// - Throws: `unreadableFile`.
package func names(in folder: String) throws(DataError) -> [String] {
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
    throw DataError(.unreadableFile, file: folder, "the folder cannot be read", remedy: "change its permissions")
  }
  return names
}

/// The names of everything in a folder and the folders in it, sorted; links to folders are not followed.
///
/// - Throws: `unreadableFile`, also for a folder in it.
package func names(within folder: String) throws(DataError) -> [String] {
  let folder = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
  var all: [String] = []
  var rest = [""]
  while let inner = rest.popLast() {
    for name in try names(in: folder + "/" + inner) {
      all.append(inner + name)
      var status = stat()
      if lstat(folder + "/" + inner + name, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        rest.append(inner + name + "/")
      }
    }
  }
  return all.sorted()
}

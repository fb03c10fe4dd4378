import ArgumentParser
import RefrainData
import RefrainFoundation

/// Files that a command writes and reads, each with its flag.
struct OutputFiles {
  private let written: [(flag: String, path: String)]
  private let read: [(flag: String, path: String)]

  /// - Parameters:
  ///   - written: Those that will be written; a path of nil is not asked for.
  ///   - read: Those that will be read.
  init(written: [(flag: String, path: String?)], read: [(flag: String, path: String?)]) {
    self.written = written.compactMap { file in file.path.map { (file.flag, $0) } }
    self.read = read.compactMap { file in file.path.map { (file.flag, $0) } }
  }

  /// Stops when a path is empty, when two flags name the same file, or when one names a file that is read.
  func validate() throws {
    if let file = (written + read).first(where: { $0.path.isEmpty }) {
      throw ValidationError("\(file.flag) needs the name of a file.")
    }
    var seen = read
    for file in written {
      if let other = seen.first(where: { isSameFile($0.path, file.path) }) {
        throw ValidationError("\(other.flag) and \(file.flag) name the same file.")
      }
      seen.append(file)
    }
  }

  /// Stops when a file cannot be written, before time is spent on what would go into it.
  func checkWritable() throws(DataError) {
    for file in written { try checkWritableFile(file.path) }
  }
}

/// Stops when two arguments name the same file.
func requireDistinct(_ first: (name: String, path: String), _ second: (name: String, path: String)) throws {
  guard isSameFile(first.path, second.path) else { return }
  throw ValidationError("\(first.name) and \(second.name) name the same file.")
}

/// Whether two paths lead to one file, or would if it were there. Devices may be named twice.
private func isSameFile(_ first: String, _ second: String) -> Bool {
  func place(_ path: String) -> String {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent().resolvingSymlinksInPath()
    return folder.appendingPathComponent(url.lastPathComponent).resolvingSymlinksInPath().path
  }
  let (one, two) = (place(first), place(second))
  return one == two && !one.hasPrefix("/dev/")
}

/// Throws when a file cannot be written where it is to be, before time is spent on it.
func checkWritableFile(_ path: String) throws(DataError) {
  guard openStream(path) == nil else { return }
  var status = stat()
  let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
  guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
    throw DataError(
      .missingFolder, file: path, "the folder of this file does not exist", remedy: "make the folder first")
  }
  let exists = stat(path, &status) == 0
  if exists ? status.st_mode & S_IFMT == S_IFDIR : path.hasSuffix("/") {
    throw DataError(.unwritableFile, file: path, "this is a folder, not a file", remedy: "name a file in it")
  }
  if exists, status.st_mode & S_IFMT != S_IFREG { throw .pipeOrDevice(path) }
  // A file is replaced by rename, for which the folder must be writable.
  guard !exists || access(path, W_OK) == 0, access(folder, W_OK | X_OK) == 0 else {
    throw DataError(.unwritableFile, file: path, "no permission to write here", remedy: "choose another place")
  }
}

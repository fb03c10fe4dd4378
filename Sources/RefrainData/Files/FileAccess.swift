/// Which files may be read. What a request to a server brings may name files, as a table of recordings does; those of
/// the server are nobody else's.
package enum FileAccess {
  /// The only paths that may be read; nil is any.
  @TaskLocal package static var allowed: Set<String>?

  /// - Throws: `unreadableFile` for a path that may not be read.
  static func check(_ path: String) throws(DataError) {
    guard let allowed, !allowed.contains(path) else { return }
    throw DataError(
      .unreadableFile, file: path, "a request may not name files", remedy: "send what is in it")
  }
}

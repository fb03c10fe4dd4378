import RefrainData
import RefrainFoundation

/// A folder of files of series, each named by its file.
enum SeriesFolder {
  /// The tables in a folder, by name; nil where the path is no folder.
  ///
  /// - Throws: `isDirectory` for a folder without any.
  static func files(in path: String) throws(DataError) -> [String]? {
    guard isFolder(path) else { return nil }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let files = names.filter { name in
      !name.hasPrefix(".") && [".csv", ".tsv", ".txt", ".csv.gz"].contains { name.lowercased().hasSuffix($0) }
    }.sorted()
    guard !files.isEmpty else {
      throw DataError(
        .isDirectory, file: path, "this is a folder without a .csv, .tsv or .txt file", remedy: "name a file")
    }
    return files.map { path + "/" + $0 }
  }

  /// The series of all files; one whose file cannot be used is left out, which the notes of the first say.
  ///
  /// - Throws: The first fault where no file can be used.
  static func series(
    of files: [String], in folder: String, _ read: (String) throws(DataError) -> [Series]
  ) throws(DataError) -> [Series] {
    var (all, notes): ([Series], [String]) = ([], [])
    var first: DataError?
    for file in files {
      let name = file.split(separator: "/").last.map(String.init) ?? file
      let title = name.firstIndex(of: ".").map { String(name[..<$0]) } ?? name
      do throws(DataError) {
        for series in try read(file) {
          all.append(series.named(series.id.map { "\(title), \($0)" } ?? title))
        }
      } catch {
        first = first ?? error
        notes.append("file \(name.quoted) is left out: \(error)")
      }
    }
    guard let leading = all.first else { throw first! }
    if notes.count > 20 { notes = notes.prefix(20) + ["\(notes.count - 20) more are left out"] }
    all[0] = leading.named(leading.id, notes: ["\(files.count) files in \(folder.onOneLine)"] + notes)
    return all
  }
}

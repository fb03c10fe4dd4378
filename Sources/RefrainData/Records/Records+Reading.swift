import RefrainFoundation

extension Records {
  /// Reads the files of a source one after another: tables of CSV or TSV, JSON lines, an array of JSON, or folders,
  /// whose own folders are the labels of the files in them.
  ///
  /// - Parameters:
  ///   - source: Files, folders, bytes or standard input.
  ///   - columns: Names that tell a header: a first line that holds one of them is one.
  ///   - takesFiles: Whether a file that is no table is itself a row.
  ///   - takesFolders: Whether a folder of images is itself a row, a clip.
  ///   - takesTables: Whether a table without a column ``fileColumn`` is such a file too.
  ///   - takesLines: The column that the lines of a `.txt` file, or lines without a delimiter, are; nil for none.
  ///   - decimal: What stands before the decimals of numbers in tables, whose thousands the other mark may group: these
  ///     are read as if they were written with a point. nil takes all fields as they stand.
  /// - Throws: `wrongInput` without a file, `emptyFile`, `noRows`, `notUTF8`, `badQuotes`, `wrongFieldCount` and
  ///   `wrongFormat` with the place.
  public init(
    _ source: DataSource, columns: [String] = [], takesFiles: Bool = false, takesFolders: Bool = false,
    takesTables: Bool = false, takesLines: String? = nil, decimal: DecimalMark? = nil
  ) throws(DataError) {
    try self.init(
      source, columns: columns, takesFiles: takesFiles, takesFolders: takesFolders, takesTables: takesTables,
      takesLines: takesLines, decimal: decimal, block: nil)
  }

  /// - Parameter block: Of how many bytes blocks are that all files are read in, and how much is held in memory.
  package init(
    _ source: DataSource, columns: [String] = [], takesFiles: Bool = false, takesFolders: Bool = false,
    takesTables: Bool = false, takesLines: String? = nil, decimal: DecimalMark? = nil, block: Int?
  ) throws(DataError) {
    self.init()
    (self.decimal, self.block) = (decimal, block)
    guard !source.isEmpty else {
      throw DataError(
        .wrongInput, "there are no examples", remedy: "name a table (CSV, TSV), a file of JSON lines or a folder")
    }
    for part in source.parts {
      do throws(DataError) {
        if takesFolders, case .file(let path) = part, isFolder(path) {
          try readClips(path)
        } else {
          try read(part, columns, takesFiles: takesFiles, takesTables: takesTables, takesLines: takesLines)
        }
      } catch {
        throw error.inFile(part.name)
      }
    }
    guard count > 0 else {
      throw DataError(.noRows, file: source.parts.first?.name, "there are no examples", remedy: "add rows")
    }
  }

  private mutating func read(
    _ part: DataSource.Part, _ names: [String], takesFiles: Bool, takesTables: Bool, takesLines: String?
  ) throws(DataError) {
    if case .file(let path) = part {
      if isFolder(path) { return try readFolder(path) }
      if takesFiles, !Self.isTable(path) { return try appendFiles([(label: nil, path: path)]) }
      if takesTables {
        let table = try Records(DataSource([part]), columns: names)
        if !table.columns.contains(Self.fileColumn) { return try appendFiles([(label: nil, path: path)]) }
      }
      if SoundEncoding.isSound(path) || Clip.isClip(path), access(path, F_OK) == 0 {
        throw DataError(
          .wrongFormat, "this is a recording, a clip or an image by its name, and a table is expected",
          remedy: "name a table with a column of paths")
      }
    }
    let text = try BlockText(part, block: block, &notes)
    if try Self.areTimeSeries(text) { return try readTimeSeries(text, name: part.name) }
    let isText = part.name.lowercased().hasSuffix(".txt")
    if let takesLines, isText { return try readLines(text, name: part.name, column: takesLines) }
    let isJSON = try Self.beginsWithObject(text)
    if isJSON || Self.isJSON(part.name) { return try readJSON(text, name: part.name) }
    // The names of columns that there are tell a header too.
    let names = names + (lacksHeader ? [] : columns)
    if let takesLines, try !Self.hasDelimiter(text, names) {
      return try readLines(text, name: part.name, column: takesLines)
    }
    if try text.firstByte() == UInt8(ascii: "{") { return try readJSON(text, name: part.name) }
    try readDelimited(text, name: part.name, names)
  }

  /// Whether a file is a table by its name.
  private static func isTable(_ path: String) -> Bool {
    ["csv", "tsv", "tab", "jsonl", "ndjson", "json", "ts", "gz"].contains(ending(of: path))
  }

  private static func isJSON(_ path: String) -> Bool {
    let last = ending(of: path)
    return ["jsonl", "ndjson", "json"].contains(last == "gz" ? ending(of: String(path.dropLast(3))) : last)
  }

  // MARK: - Lines

  /// Each line that is not blank is a row of one field.
  private mutating func readLines(_ text: BlockText, name: String, column: String) throws(DataError) {
    var part = Part(name: name, most: block)
    var reader = BlockReader(text, keeps: true)
    var number = 0
    while let line = try reader.nextLine() {
      number += 1
      guard line.contains(where: { !isBlank($0) }) else { continue }
      part.addRow([reader.field(line)], number: number)
    }
    part.bytes = try reader.finish()
    try part.check()
    try append(part, columns: [column])
  }

  // MARK: - Folders

  /// The files of a folder: those in its own folders have their names as labels.
  private mutating func readFolder(_ path: String) throws(DataError) {
    var files: [(label: String?, path: String)] = []
    for name in try Self.names(in: path) {
      let inner = path + "/" + name
      if isFolder(inner) {
        let paths = try Self.names(in: inner).map { inner + "/" + $0 }
        let own = paths.filter { !isFolder($0) }
        // A clip may be a folder of images.
        files += (own.isEmpty ? paths.filter(Clip.isFolderOfImages) : own).map { (name, $0) }
      } else {
        files.append((nil, inner))
      }
    }
    guard !files.isEmpty else {
      throw DataError(
        .noRows, file: path, "the folder has no files",
        remedy: "it needs a folder for each class, with the files of that class")
    }
    let labelled = files.filter { $0.label != nil }
    if !labelled.isEmpty, labelled.count < files.count {
      notes.append("\(path.onOneLine): \(files.count - labelled.count) files outside of its folders passed over")
    }
    try appendFiles(labelled.isEmpty ? files : labelled)
  }

  /// A folder of images is a clip, and so is each in a folder of nothing else; of every other folder the files are
  /// rows.
  private mutating func readClips(_ path: String) throws(DataError) {
    if Clip.isFolderOfImages(path) { return try appendFiles([(label: nil, path: path)]) }
    let inner = try Self.names(in: path).map { path + (path.hasSuffix("/") ? "" : "/") + $0 }
    guard !inner.isEmpty, inner.allSatisfy(Clip.isFolderOfImages) else { return try readFolder(path) }
    try appendFiles(inner.map { (label: nil, path: $0) })
  }

  /// The names in a folder in their order, hidden ones left out.
  private static func names(in path: String) throws(DataError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }.sorted()
    } catch {
      throw DataError(.unreadableFile, file: path, "the folder cannot be read", remedy: "change its permissions")
    }
  }

  /// Each file is a row.
  private mutating func appendFiles(_ files: [(label: String?, path: String)]) throws(DataError) {
    areFiles = true
    for file in files {
      var row = DerivedRows(name: file.path, width: 2)
      row.beginRow(number: 1)
      for text in [file.label, file.path] { row.add(text.map { Array($0.utf8) }) }
      try append(row.part, columns: [Self.labelColumn, Self.fileColumn])
    }
  }
}

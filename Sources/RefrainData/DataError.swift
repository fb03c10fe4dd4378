/// An error in what a user gave: a file, a row, a wish that cannot be met. `description` is one line: what, where and
/// what to do.
public protocol InputError: Error, CustomStringConvertible, Sendable {
  /// What was wrong with a file, where that was it; nil elsewhere.
  var dataError: DataError? { get }
}

extension InputError {
  /// It was no file.
  public var dataError: DataError? { nil }
}

/// Something is wrong with a file or its contents, said in one line: where, what, and what to do about it.
///
/// `description` reads `FILE: row 17, column price: 'n/a' is not a number; write a number or remove the row`.
/// Rows count as a spreadsheet counts them: the header is row 1.
public struct DataError: InputError, Hashable {
  /// This very one.
  public var dataError: DataError? { self }

  /// The kind of fault, for programs; `description` is for people.
  public enum Code: String, Hashable, Sendable {
    // Files.

    /// There is no such file.
    case missingFile
    /// The file cannot be read, or was changed while it was.
    case unreadableFile
    /// The file cannot be written.
    case unwritableFile
    /// A folder stands where a file is meant.
    case isDirectory
    /// The folder of a file is not there.
    case missingFolder
    /// There is no room for the file.
    case diskFull

    // Tables.

    /// The file has nothing in it.
    case emptyFile
    /// The text is in no encoding that is read.
    case notUTF8
    /// The table has no line of names.
    case noHeader
    /// The table has no line of values.
    case noRows
    /// A name of a column is missing or stands twice.
    case badHeader
    /// A row has more or fewer fields than the header.
    case wrongFieldCount
    /// A quoted field does not end, or goes on after its end.
    case badQuotes
    /// There is no column of that name.
    case noSuchColumn

    // Fields.

    /// A field is no number.
    case notANumber
    /// A field can be read as two numbers.
    case doubtfulNumber
    /// A field has no value.
    case missingValue
    /// A number is infinite.
    case infiniteValue

    // Times.

    /// A field is no time.
    case notATime
    /// A field can be read as two times.
    case doubtfulTime
    /// Times go back and forth.
    case unsortedTimes
    /// A time stands twice.
    case repeatedTime
    /// A time is missing.
    case gapInTimes
    /// Times have no frequency.
    case irregularTimes

    // Series.

    /// The table has no column of numbers.
    case noNumericColumn
    /// A column is to be two things at once.
    case columnUsedTwice
    /// All values are the same.
    case constantSeries
    /// There are too few rows for what is asked.
    case tooFewRows

    // Models.

    /// The file is of another kind than is wanted.
    case wrongFormat
    /// The file is cut off or contradicts itself.
    case damagedFile
    /// The file holds something that Refrain has not.
    case unsupportedContent
    /// What was written differs from what it was made of.
    case inexactConversion
    /// An array does not fit the model.
    case wrongInput
    /// More memory is wanted than may be taken.
    case overMemoryBudget
    /// The task that wanted a result was canceled before there was one.
    case canceled
    /// The file is no safetensors file.
    case notSafeTensors
    /// The header of a safetensors file is damaged or forged.
    case corruptSafeTensors
    /// A tensor has a type that is not read.
    case unsupportedTensorType
    /// Values do not fill their shape or are of another type.
    case invalidTensor
    /// The file holds tensors, but no model of Refrain.
    case notAModel
    /// The model was written by a newer version.
    case newerModel
    /// The tensors do not fit what the file says of the model.
    case damagedModel
  }

  /// The kind of fault.
  public var code: Code
  /// The file's path, or nil when the data did not come from a file.
  public var file: String?
  /// The row, counted from 1 for the header; nil when the fault lies in no single row.
  public var row: Int?
  /// The line of the text, from 1, when it differs from the row because a quoted field holds line breaks.
  public var line: Int?
  /// The column's name.
  public var column: String?
  /// What is wrong.
  public var problem: String
  /// What the reader can do about it.
  public var remedy: String?
  /// The setting that settles it, for whoever has a word for it: an argument, a flag.
  public var setting: Setting?
  /// The step of time over which rows may be brought together, such as `1mo`; nil where none helps.
  public var step: String?

  /// Makes an error.
  public init(
    _ code: Code, file: String? = nil, row: Int? = nil, line: Int? = nil, column: String? = nil,
    _ problem: String, remedy: String? = nil, setting: Setting? = nil
  ) {
    self.code = code
    self.file = file
    self.row = row
    self.line = line
    self.column = column
    self.problem = problem
    self.remedy = remedy
    self.setting = setting
  }

  /// What can be said of a file where it does not say it itself.
  public enum Setting: Hashable, Sendable {
    /// Which mark stands before decimals; with `whole` the number at fault is a whole one with grouped thousands.
    case decimal(whole: DecimalMark)
    /// That a comma stands before decimals.
    case decimalComma
    /// The order of day, month and year.
    case dates
    /// The column of times, or that rows are counted.
    case time
    /// The step of time over which rows are brought together, or that rows are counted.
    case spacing
    /// The columns that tell several series apart; some that may be them.
    case id([String])
    /// The step of time over which rows are brought together, or the columns that tell several series apart.
    case repeatedTimes
    /// One of several series; the name of one of them.
    case only(String)
    /// What takes the place of missing values and rows.
    case fill
    /// The column that is to be learned.
    case target
    /// The columns that are known ahead, or their file.
    case future
  }

  /// One line: the file, the row, the column, the problem; the remedy.
  public var description: String {
    var place: [String] = []
    if let row { place.append(line.map { "row \(row) (line \($0))" } ?? "row \(row)") }
    // A column without a name is called by its number.
    if let column { place.append(column.hasPrefix("column ") ? column.shortened : "column \(column.shortened)") }
    let parts = [file?.onOneLine, place.isEmpty ? nil : place.joined(separator: ", "), problem].compactMap(\.self)
    return parts.joined(separator: ": ") + (remedy.map { "; \($0)" } ?? "")
  }

  /// The same error, said of `file` unless a file is already named.
  package func inFile(_ file: String?) -> DataError {
    var copy = self
    copy.file = self.file ?? file
    return copy
  }
}

extension String {
  /// The text with control characters replaced, so that an error stays on its line and cannot steer a terminal.
  package var onOneLine: String {
    String(String.UnicodeScalarView(unicodeScalars.map { Self.controls($0) ? "\u{FFFD}" : $0 }))
  }

  /// The text on one line, at most 60 characters of it: for names in messages.
  package var shortened: String { (count > 60 ? String(prefix(59)) + "…" : self).onOneLine }

  /// The text between quotation marks, for a message: one line, at most 40 characters.
  package var quoted: String {
    let shown = count > 40 ? String(prefix(39)) + "…" : self
    return "'\(shown.onOneLine)'"
  }

  private static func controls(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .format: true
    default: false
    }
  }
}

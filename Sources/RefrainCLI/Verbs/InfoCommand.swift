import ArgumentParser
import RefrainData
import RefrainFormats
import RefrainModels

/// `refrain info`: what is in a file of a model or of arrays.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Say what is in a model's file.",
    discussion: """
      Reads models of Refrain, PyTorch (.pt, .safetensors), Keras (.keras, .h5) and ONNX, and arrays of NumPy (.npy, \
      .npz). No code in a file is ever run.

      Examples:

        refrain info model.safetensors
        refrain info speech.onnx --format json
      """)

  @Argument(help: "The file.", completion: .file())
  var file: String

  @Option(help: ArgumentHelp("The form of the answer.", valueName: "format"))
  var format = InfoFormat.table

  @OptionGroup var memory: MemoryOptions

  func run() throws {
    do { try memory.run(inform) } catch let error as DataError { throw CommandFailure(error) }
  }

  private func inform() throws {
    let information = try ModelInformation(contentsOf: file)
    switch format {
    case .table: try StandardOutput.write(text(information))
    case .json: try StandardOutput.write(json(information).text() + "\n")
    }
  }

  private func text(_ information: ModelInformation) -> String {
    let terminal = StandardOutput.terminal
    let page = Page(width: terminal.width, usesColor: terminal.usesColor)
    let facts = TrainingFacts.inWords(information.facts)
    let labelWidth = (facts.map { $0.name.sanitized.count }.max() ?? 0) + 2
    var lines = [page.strong(file.sanitized)]
    lines += facts.flatMap { page.entry($0.name.sanitized, $0.value, labelWidth: labelWidth) }
    if information.facts.contains(where: { $0.name == "Assumed" }) {
      lines += page.entry("", "For run and convert " + StateOptions.hint + ".", labelWidth: labelWidth)
    }
    for table in information.tables where !table.rows.isEmpty {
      lines += ["", page.strong(table.title)]
      lines += page.grid([table.columns] + table.rows.map { $0.map { $0.text.sanitized.shortened } })
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func json(_ information: ModelInformation) -> JSON {
    var pairs: [(key: String, value: JSON)] = [("file", .text(file))]
    for (name, values) in grouped(information.facts) {
      let values = values.map { text in Int(text).map { .integer($0) } ?? JSON.text(text) }
      pairs.append((name.camelCased, values.count == 1 ? values[0] : .array(values)))
    }
    for table in information.tables {
      let rows = table.rows.map { row in
        JSON.object(zip(table.columns, row).flatMap { json($1, of: $0) })
      }
      pairs.append((table.title.camelCased, .array(rows)))
    }
    return .object(pairs)
  }

  /// The facts with those of one name together, each name where it comes first.
  private func grouped(_ facts: [(name: String, value: String)]) -> [(name: String, values: [String])] {
    var names: [String] = []
    var values: [String: [String]] = [:]
    for fact in facts {
      if values[fact.name] == nil { names.append(fact.name) }
      values[fact.name, default: []].append(fact.value)
    }
    return names.map { ($0, values[$0] ?? []) }
  }

  private func json(_ value: ModelInformation.Value, of column: String) -> [(key: String, value: JSON)] {
    func extents(_ shape: [Int?]) -> JSON { .array(shape.map { $0.map { .integer($0) } ?? .null }) }
    switch value {
    case .text(let text): return [(column.camelCased, .text(text))]
    case .number(let number): return [(column.camelCased, .integer(number))]
    case .shape(let shape): return [(column.camelCased, extents(shape))]
    case .port(let port):
      return [
        ("type", .text(port.type.rawValue)), ("shape", extents(port.shape)), ("isOptional", .bool(port.isOptional)),
      ]
    }
  }
}

extension String {
  /// The text in one row of a table, its middle left out where it is very long.
  fileprivate var shortened: String { count <= 200 ? self : "\(prefix(120))…\(suffix(60))" }

  /// Words as a key: `Written by` becomes `writtenBy`.
  fileprivate var camelCased: String {
    let words = split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "." })
    guard let first = words.first else { return self }
    let rest = words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }
    let start = first.allSatisfy(\.isUppercase) ? first.lowercased() : first.prefix(1).lowercased() + first.dropFirst()
    return start + rest.joined()
  }
}

/// The forms in which `info` answers.
enum InfoFormat: String, CaseIterable, ExpressibleByArgument {
  case table, json
}

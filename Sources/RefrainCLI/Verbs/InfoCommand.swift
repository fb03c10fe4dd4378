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
      Reads models of Refrain, PyTorch (.pt, .safetensors), Keras (.keras, .weights.h5) and ONNX, and arrays of NumPy (.npy, \
      .npz). No code in a file is ever run.

      Examples:

        refrain info model.safetensors
        refrain info speech.onnx --format json
      """)

  @Argument(help: "The file.", completion: .file())
  var file: String

  @Option(help: ArgumentHelp("The form of the answer.", valueName: "format"))
  var format = InfoFormat.table

  func run() throws {
    do {
      let information = try ModelInformation(contentsOf: file)
      switch format {
      case .table: try StandardOutput.write(text(information))
      case .json: try StandardOutput.write(json(information).text() + "\n")
      }
    } catch let error as DataError {
      throw CommandFailure.badData(error)
    }
  }

  private func text(_ information: ModelInformation) -> String {
    let terminal = StandardOutput.terminal
    let page = Page(width: terminal.width, usesColor: terminal.usesColor)
    let labelWidth = (information.facts.map { $0.name.sanitized.count }.max() ?? 0) + 2
    var lines = [page.strong(file.sanitized)]
    lines += information.facts.flatMap { page.entry($0.name.sanitized, $0.value, labelWidth: labelWidth) }
    for table in information.tables where !table.rows.isEmpty {
      lines += ["", page.strong(table.title)]
      lines += page.grid([table.columns] + table.rows.map { $0.map(\.sanitized) })
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func json(_ information: ModelInformation) -> JSON {
    .object(
      [("file", .text(file))] + information.facts.map { ($0.name, .text($0.value)) }
        + information.tables.map { table in
          (
            table.title,
            .array(table.rows.map { row in .object(zip(table.columns, row).map { ($0, .text($1)) }) })
          )
        })
  }
}

/// The forms in which `info` answers.
enum InfoFormat: String, CaseIterable, ExpressibleByArgument {
  case table, json
}

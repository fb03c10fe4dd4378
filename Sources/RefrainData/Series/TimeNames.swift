/// Names of months and weekdays in common languages, for reading and for writing.
enum TimeNames {
  /// A month's or weekday's number from 0, by its name in lower case without a point at its end; nil for other words.
  static func month(_ word: String) -> Int? { months[word] }
  static func weekday(_ word: String) -> Int? { weekdays[word] }

  /// The name of a month in the language, and the length, of the names seen so far; in English when none explains them.
  ///
  /// - Parameter seen: The names of the file by month, in lower case; nil where a month is not in it.
  static func month(_ number: Int, like seen: [String?]) -> String { name(number, like: seen, in: monthLists) }
  static func weekday(_ number: Int, like seen: [String?]) -> String { name(number, like: seen, in: weekdayLists) }

  private static func name(_ number: Int, like seen: [String?], in lists: [[String]]) -> String {
    func agreement(_ list: [String]) -> Int { zip(seen, list).count { $0 == $1 || $0 == $1 + "." } }
    // Of equals the first list, English, wins.
    return lists.max { agreement($0) < agreement($1) }![number]
  }

  private static let months = index(monthLists)
  private static let weekdays = index(weekdayLists)

  private static func index(_ lists: [[String]]) -> [String: Int] {
    var index: [String: Int] = [:]
    for list in lists {
      for (number, name) in list.enumerated() where index[name] == nil { index[name] = number }
    }
    return index
  }

  private static func lists(_ text: String) -> [[String]] {
    text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
  }

  /// Short before full, so that May is short among short ones.
  private static let monthLists = lists(
    """
    jan feb mar apr may jun jul aug sep oct nov dec
    january february march april may june july august september october november december
    jan feb mar apr may june july aug sept oct nov dec
    jan feb mär apr mai jun jul aug sep okt nov dez
    januar februar märz april mai juni juli august september oktober november dezember
    jän feb mrz apr mai jun jul aug sep okt nov dez
    jänner feber maerz april mai juni juli august sept oktober november dezember
    janv févr mars avr mai juin juil août sept oct nov déc
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    jan fév mar avr mai jun jul aoû sep oct nov déc
    janv fevr mars avr mai juin juil aout sept oct nov dec
    janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
    ene feb mar abr may jun jul ago sep oct nov dic
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    enero febrero marzo abril mayo junio julio agosto setiembre octubre noviembre diciembre
    gen feb mar apr mag giu lug ago set ott nov dic
    gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
    jan fev mar abr mai jun jul ago set out nov dez
    janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
    jan feb mrt apr mei jun jul aug sep okt nov dec
    januari februari maart april mei juni juli augustus september oktober november december
    jan feb mar apr maj jun jul aug sep okt nov dec
    januari februari mars april maj juni juli augusti september oktober november december
    januar februar marts april maj juni juli august september oktober november december
    jan feb mar apr mai jun jul aug sep okt nov des
    januar februar mars april mai juni juli august september oktober november desember
    tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu
    tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu
    sty lut mar kwi maj cze lip sie wrz paź lis gru
    styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
    led úno bře dub kvě čvn čvc srp zář říj lis pro
    leden únor březen duben květen červen červenec srpen září říjen listopad prosinec
    ledna února března dubna května června července srpna září října listopadu prosince
    oca şub mar nis may haz tem ağu eyl eki kas ara
    ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
    янв фев мар апр май июн июл авг сен окт ноя дек
    январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь
    января февраля марта апреля мая июня июля августа сентября октября ноября декабря
    jan febr márc ápr máj jún júl aug szept okt nov dec
    január február március április május június július augusztus szeptember október november december
    január február marec apríl máj jún júl august september október november december
    ιαν φεβ μαρ απρ μαϊ ιουν ιουλ αυγ σεπ οκτ νοε δεκ
    ιανουάριος φεβρουάριος μάρτιος απρίλιος μάιος ιούνιος ιούλιος αύγουστος σεπτέμβριος οκτώβριος νοέμβριος δεκέμβριος
    ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου
    jan feb mar apr mei jun jul agu sep okt nov des
    januari februari maret april mei juni juli agustus september oktober november desember
    січень лютий березень квітень травень червень липень серпень вересень жовтень листопад грудень
    січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
    януари февруари март април май юни юли август септември октомври ноември декември
    gener febrer març abril maig juny juliol agost setembre octubre novembre desembre
    januar februar marec april maj junij julij avgust september oktober november december
    jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember
    janvāris februāris marts aprīlis maijs jūnijs jūlijs augusts septembris oktobris novembris decembris
    sausis vasaris kovas balandis gegužė birželis liepa rugpjūtis rugsėjis spalis lapkritis gruodis
    يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
    ian feb mar apr mai iun iul aug sep oct noi dec
    ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
    """)

  /// Monday first.
  private static let weekdayLists = lists(
    """
    mon tue wed thu fri sat sun
    monday tuesday wednesday thursday friday saturday sunday
    mon tues weds thur fri sat sun
    mon tues wed thurs fri sat sun
    mo di mi do fr sa so
    montag dienstag mittwoch donnerstag freitag samstag sonntag
    montag dienstag mittwoch donnerstag freitag sonnabend sonntag
    lun mar mer jeu ven sam dim
    lundi mardi mercredi jeudi vendredi samedi dimanche
    lun mar mié jue vie sáb dom
    lun mar mie jue vie sab dom
    lunes martes miércoles jueves viernes sábado domingo
    lun mar mer gio ven sab dom
    lunedì martedì mercoledì giovedì venerdì sabato domenica
    seg ter qua qui sex sáb dom
    segunda terça quarta quinta sexta sábado domingo
    ma di wo do vr za zo
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
    mån tis ons tors fre lör sön
    måndag tisdag onsdag torsdag fredag lördag söndag
    man tir ons tor fre lør søn
    mandag tirsdag onsdag torsdag fredag lørdag søndag
    ma ti ke to pe la su
    pn wt śr cz pt sb nd
    poniedziałek wtorek środa czwartek piątek sobota niedziela
    po út st čt pá so ne
    pondělí úterý středa čtvrtek pátek sobota neděle
    pzt sal çar per cum cmt paz
    пн вт ср чт пт сб вс
    понедельник вторник среда четверг пятница суббота воскресенье
    """)
}

/// Words beside numbers that say what the numbers are.
enum TimeWord {
  static let weeks: Set = [
    "w", "wk", "week", "kw", "cw", "woche", "kalenderwoche", "sem", "semaine", "semana", "v", "vko", "uke", "uge",
    "vecka",
  ]
  static let quarters: Set = [
    "q", "quarter", "qtr", "quartal", "trimestre", "trim", "t", "kwartaal", "kvartal", "kwartał", "kv", "kw.",
    "квартал",
    "кв", "čtvrtletí", "k",
  ]
  static let halves: Set = ["h", "half", "s", "semester", "semestre", "halbjahr", "hj"]
  /// Between the parts of a date, without a meaning of their own.
  static let fillers: Set = [
    "de", "del", "of", "the", "den", "der", "dne", "at", "um", "le", "di", "г", "року", "fy", "cy", "year",
    "年", "月", "日", "년", "월", "일", "tháng", "thg", "năm", "ngày", "ending", "ended", "commencing", "beginning",
    "starting",
  ]
  static let ordinals: Set = ["st", "nd", "rd", "th", "er", "ère", "ere", "e", "è", "ème", "eme", "º", "ª", "de"]
  /// Where names of places begin that tell a zone: `Europe/Berlin`.
  static let places: Set = [
    "europe", "america", "asia", "africa", "australia", "pacific", "atlantic", "indian", "antarctica", "arctic", "etc",
    "us",
  ]
  /// Zones, in minutes ahead of UTC, and words that stand in their place.
  static let zones: [String: Int] = [
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "mez": 60, "mesz": 120,
    "eet": 120, "eest": 180, "msk": 180, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "jst": 540, "kst": 540, "aest": 600, "aedt": 660, "akst": -540, "akdt": -480, "hst": -600,
    "nzst": 720, "nzdt": 780, "sast": 120, "sgt": 480, "hkt": 480, "ist": 330, "pkt": 300, "ict": 420, "wib": 420,
    "brt": -180, "art": -180, "clt": -240, "cot": -300, "ast": -240, "adt": -180, "acst": 570, "awst": 480, "uhr": 0,
    "hrs": 0,
  ]
}

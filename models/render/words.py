"""What people write round plates."""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", "/").split("/") if part.strip())


STATES = _lines("""
    Alabama / Alaska / ARIZONA / Arkansas / California / Colorado / Connecticut / DELAWARE / FLORIDA / Georgia
    HAWAII / Idaho / Illinois / INDIANA / IOWA / Kansas / Kentucky / Louisiana / MAINE / Maryland / Michigan
    Minnesota / Missouri / MONTANA / Nebraska / NEVADA / OHIO / Oklahoma / Oregon / Pennsylvania / TENNESSEE
    TEXAS / UTAH / Vermont / VIRGINIA / WASHINGTON / Wisconsin / WYOMING / Ontario / ALBERTA / MANITOBA / MEXICO
    QUEENSLAND / VICTORIA / TASMANIA / New York / NEW JERSEY / New Mexico / NORTH CAROLINA / British Columbia
    NEW SOUTH WALES / PUERTO RICO / Costa Rica
""")
SLOGANS = _lines("""
    Garden State / Sunshine State / Land of Lincoln / GREAT LAKES / 10,000 lakes / Grand Canyon State
    Live free / The Empire State / Wild, Wonderful / FAMOUS POTATOES / First in Flight / GREATEST SNOW ON EARTH
    Kids first / CENTENNIAL / Yours to discover / THE STATE OF CARS / FOREVER / SUPPORT WILDLIFE / www.state.gov
    Peach State
""")
DEALERS = _lines("""
    AUTO CENTRUM / Motors Ltd / www.autohaus.example / AUTOSALON / CITY CARS / Garage Central / HIGHWAY MOTORS
    LEASING / Auto Palace / MOTORSPORT / Family Cars since 1968 / Autoservis 24h / BEST DEALS / Nova Auto
    01632 960123 / DOWNTOWN / AUTOMOBILES / UNIVERSITY / Alumni / MY OTHER CAR / TEAM SPIRIT / Werkstatt
    AUTOPLAZA
""")
CITIES = _lines("""
    SP-SAO PAULO / RJ-RIO DE JANEIRO / MG-BELO HORIZONTE / PR-CURITIBA / RS-PORTO ALEGRE / BA-SALVADOR
    SC-JOINVILLE
""")
MONTHS = _lines("""
    JAN / FEB / MAR / APR / MAY / JUN / JUL / AUG / SEP / OCT / NOV / DEC
""")
